"""What a delivered frame costs and how old it is: the harness behind RESULTS.md."""
