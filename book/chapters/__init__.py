"""Code for single chapters: magnetic fields of wires, material surfaces, tables of defects, costs of a step."""
