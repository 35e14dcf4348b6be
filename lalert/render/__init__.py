"""One canonical wording per alert, in every shape that people and machines need."""
