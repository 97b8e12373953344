"""`python3 -m torpor_runtime`."""

from torpor_runtime.main import main

main()
