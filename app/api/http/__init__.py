"""The form of requests and answers: limits, problems, pages, tags. It knows no subject."""
