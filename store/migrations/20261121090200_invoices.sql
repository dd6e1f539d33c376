-- migrate:up

CREATE TABLE drafts (
    draft_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id text NOT NULL,
    location_id text NOT NULL,
    chart_hash text NOT NULL,
    chart jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('held', 'issued', 'not_billable')),
    body jsonb,
    content_hash text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX drafts_case ON drafts (case_id, draft_id DESC);
CREATE TRIGGER drafts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drafts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE document_counters (
    location_id text PRIMARY KEY,
    last_no bigint NOT NULL
);

CREATE TABLE documents (
    document_id text PRIMARY KEY,
    document_no int NOT NULL CHECK (document_no >= 1),
    number text NOT NULL,
    case_id text NOT NULL,
    location_id text NOT NULL REFERENCES locations,
    client_id text NOT NULL REFERENCES clients,
    kind text NOT NULL CHECK (kind IN ('invoice', 'supplementary', 'credit_note')),
    chart_hash text NOT NULL,
    catalog_version int NOT NULL,
    currency text NOT NULL,
    priced jsonb NOT NULL,
    total_cents bigint NOT NULL,
    change_due_cents bigint NOT NULL,
    input_hash text NOT NULL,
    issued_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (case_id, document_no),
    UNIQUE (location_id, number),
    FOREIGN KEY (location_id, catalog_version) REFERENCES catalogs (location_id, version),
    CONSTRAINT documents_first_is_invoice CHECK ((document_no = 1) = (kind = 'invoice'))
);
CREATE INDEX documents_client ON documents (client_id, issued_at);
CREATE TRIGGER documents_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE pay_links (
    token text PRIMARY KEY,
    case_id text NOT NULL UNIQUE,
    client_id text NOT NULL,
    location_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE factor_attempts (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL REFERENCES pay_links,
    ok boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX factor_attempts_wrong ON factor_attempts (token, recorded_at) WHERE NOT ok;

-- migrate:down
DROP TABLE factor_attempts, pay_links, documents, document_counters, drafts;
