-- migrate:up

-- What a named person did to a case outside of a question. Recorded when the case has agreed.
CREATE TABLE desk_actions (
    action_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text NOT NULL,
    action text NOT NULL CHECK (action IN ('hold', 'release', 'close')),
    taken_by text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX desk_actions_case ON desk_actions (case_id, action_id);
CREATE TRIGGER desk_actions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON desk_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE desk_actions;
