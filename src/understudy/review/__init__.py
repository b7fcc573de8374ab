"""A run's pairs and exam questions in; what people decide about them out, as lines that `generate` applies."""
