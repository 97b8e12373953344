"""From files to a model that predicts; one module per framework, imported only for its own format."""
