"""Answers: pure functions from canonical tables to results, one topic a file."""
