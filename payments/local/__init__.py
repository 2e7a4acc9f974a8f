"""The whole house on one machine: what `./dev demo`, the tests and the benchmarks stand on.

Nothing that runs in production imports this package.
"""
