"""The stage `gains`: what a restoration of each fault of a carrier would gain, by the labels."""
