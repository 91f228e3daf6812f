"""The form of questions and answers: frame, problems, pages, tags. Knows no subject."""
