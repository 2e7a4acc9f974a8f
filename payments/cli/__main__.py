"""`python -m payments.cli`, where the `almoner` script is not installed."""

from payments.cli import main

main()
