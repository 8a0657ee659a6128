"""Doctor: looks at a server's surroundings and at its way to the world, and says what to do. Changes nothing
but for one event that it sends; knows neither the command line nor how anything is served.
"""
