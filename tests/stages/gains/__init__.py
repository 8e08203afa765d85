"""Tests of the stage `gains`."""
