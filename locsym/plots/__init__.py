"""Figures: one function a figure, arrays in, Axes out; nothing here computes or trains."""
