"""Extensions of other libraries."""
