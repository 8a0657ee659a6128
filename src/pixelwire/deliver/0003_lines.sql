-- Of the events parked of one visitor only the first are in memory: the next ones are looked up here.
CREATE INDEX parked_line ON parked (destination, identity, seq);
