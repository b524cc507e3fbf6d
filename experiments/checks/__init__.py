"""What is expected of the model: signs, published effects, engines beside each other."""
