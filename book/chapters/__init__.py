"""What one chapter alone needs: magnetic fields of wires, material surfaces, tables of defects, costs of a step."""
