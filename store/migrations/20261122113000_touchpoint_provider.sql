-- migrate:up

-- Who was asked to carry a message: after an unknown outcome nobody else can be asked about it.
ALTER TABLE touchpoints ADD COLUMN provider text;

CREATE FUNCTION name_provider() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT provider INTO NEW.provider FROM channel_settings
    WHERE location_id = NEW.location_id AND channel = NEW.channel
    ORDER BY setting_id DESC LIMIT 1;
    RETURN NEW;
END $$;
CREATE TRIGGER touchpoints_provider_of BEFORE UPDATE ON touchpoints
    FOR EACH ROW WHEN (NEW.state = 'sending' AND NEW.attempt > OLD.attempt)
    EXECUTE FUNCTION name_provider();

-- migrate:down
DROP TRIGGER touchpoints_provider_of ON touchpoints;
DROP FUNCTION name_provider;
ALTER TABLE touchpoints DROP COLUMN provider;
