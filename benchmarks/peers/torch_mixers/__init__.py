"""PyTorch's form of every mixer: modules of this package by the name of ours."""
