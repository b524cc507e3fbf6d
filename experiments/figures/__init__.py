"""The model beside observed figures, and forecasts scored on later ones."""
