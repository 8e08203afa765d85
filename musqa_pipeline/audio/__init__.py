"""What is in a sound, and what can be done to it; knows no lake and no preset."""
