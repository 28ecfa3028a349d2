"""The compiled kernel: rollout, gradient and Adam of networks in C++, and their Python interface."""
