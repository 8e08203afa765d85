"""What is in a sound, and what can be done to it, from files to metrics; knows no lake."""
