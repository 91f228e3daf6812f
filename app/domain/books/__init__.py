"""Double entry: journal, periods, dates, rates, values, pools, attribution, positions."""
