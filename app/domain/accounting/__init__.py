"""What every movement obeys: dates, periods, rates, values in the holding currency."""
