-- migrate:up

-- Texts that a provider took and of which it has not said what became of them.
CREATE INDEX touchpoints_without_end ON touchpoints (at)
    WHERE channel = 'sms' AND state = 'accepted';

-- migrate:down
DROP INDEX touchpoints_without_end;
