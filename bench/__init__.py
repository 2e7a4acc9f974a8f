"""The benchmarks: each a command that measures us beside a named alternative, in the same run.

A figure alone promises nothing on another machine, so every goal is a ratio to a rival that had the
same database, payloads and load minutes ago, or a bound a donor would feel. `python -m bench NAME`
prints what was measured and exits with 1 when a goal is missed.
"""
