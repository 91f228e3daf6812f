"""What is counted: accounts, pools, attribution, positions."""
