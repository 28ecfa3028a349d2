"""The compiled kernel: rollout, gradient and Adam of networks in C++, and its door from Python."""
