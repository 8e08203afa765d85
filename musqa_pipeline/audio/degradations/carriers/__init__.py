"""Damage of carriers: what shellac, vinyl, tape and cylinders do to music, and their replay.

A fault draws its parameters as data and applies them without chance, mono at 48 kHz, to as many
samples as it was given; its intensity from 0 to 100 is placed on a scale of its own. `chains` puts
faults into the order in which they happen: cut, wear, replay. Välimäki, González, Kimmelma and
Parviainen, "Digital audio antiquing - signal processing methods for imitating the sound quality of
historical recordings" (JAES 56(3), 2008), has the phenomena.
"""
