"""Small calculations that trainings need."""
