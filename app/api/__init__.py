"""HTTP: authentication, routes and the form of answers. It decides nothing about the fund."""
