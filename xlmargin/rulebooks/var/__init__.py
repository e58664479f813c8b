"""Dynamic margin over the user's own price history: filtered historical simulation and EWMA volatility."""
