-- migrate:up

CREATE TABLE accounts (
    account text PRIMARY KEY CHECK (account ~ '^[0-9]{4}$'),
    name text NOT NULL
);
INSERT INTO accounts (account, name) VALUES
    ('1010', 'Bank'), ('1020', 'Processor clearing'), ('1030', 'Lender receivable'),
    ('1040', 'Cash drawer'), ('1100', 'AR patients'), ('1105', 'Instalments not yet due'),
    ('1110', 'Allowance'), ('1120', 'Disputed funds'), ('1130', 'Manufacturer receivable'),
    ('2010', 'Deferred packages'), ('2030', 'Membership credit'), ('2040', 'Gift cards'),
    ('2050', 'Deposits'), ('2060', 'Client credit'), ('2070', 'Sales tax'),
    ('2080', 'Tips payable'), ('2090', 'Unapplied cash'), ('2095', 'Unidentified receipts'),
    ('2100', 'Refunds payable'), ('2110', 'Unclaimed property'), ('3000', 'Opening balances'),
    ('4010', 'Injectables'), ('4020', 'Device services'), ('4030', 'Retail'),
    ('4040', 'Membership dues'), ('4050', 'Breakage'), ('4060', 'Fees'), ('4910', 'Discounts'),
    ('4920', 'Allowances'), ('6010', 'Processing fees'), ('6020', 'Lender fees'),
    ('6030', 'Bad debt'), ('6040', 'Dispute fees'), ('6060', 'Rounding'), ('6070', 'Goodwill');

CREATE TABLE ledger_entries (
    entry_id text PRIMARY KEY,
    business_key text NOT NULL UNIQUE,
    event text NOT NULL,
    location_id text NOT NULL,
    effective_on date NOT NULL,
    corrects text REFERENCES ledger_entries,
    content_hash text NOT NULL,
    created_txid xid8 NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX ledger_entries_location ON ledger_entries (location_id, effective_on);

CREATE TABLE ledger_postings (
    entry_id text NOT NULL REFERENCES ledger_entries,
    line_no int NOT NULL,
    account text NOT NULL REFERENCES accounts,
    debit_cents bigint NOT NULL CHECK (debit_cents >= 0),
    credit_cents bigint NOT NULL CHECK (credit_cents >= 0),
    client_id text,
    case_id text,
    PRIMARY KEY (entry_id, line_no),
    CONSTRAINT ledger_postings_one_side CHECK ((debit_cents > 0) <> (credit_cents > 0))
);
CREATE INDEX ledger_postings_case ON ledger_postings (case_id, account)
    INCLUDE (debit_cents, credit_cents) WHERE case_id IS NOT NULL;
CREATE INDEX ledger_postings_client ON ledger_postings (client_id, account)
    INCLUDE (debit_cents, credit_cents) WHERE client_id IS NOT NULL;

-- The stamp is the database's own: a writer cannot claim to be an older transaction.
CREATE FUNCTION stamp_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_txid := pg_current_xact_id();
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entries_stamp BEFORE INSERT ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION stamp_ledger_entry();

CREATE FUNCTION refuse_late_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN ledger_entries USING (entry_id)
               WHERE created_txid <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'postings can only be added together with their entry'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_postings_with_entry AFTER INSERT ON ledger_postings
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_posting();

CREATE FUNCTION check_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lines int;
    clients int;
    off_cents numeric;
    groups_off int;
BEGIN
    SELECT sum(n), count(client_id), sum(net), count(*) FILTER (WHERE net <> 0)
    INTO lines, clients, off_cents, groups_off
    FROM (SELECT client_id, count(*) AS n, sum(debit_cents - credit_cents) AS net
          FROM ledger_postings WHERE entry_id = NEW.entry_id GROUP BY client_id) AS by_client;
    IF lines IS NULL OR lines < 2 THEN
        RAISE EXCEPTION 'entry % has fewer than two postings', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF off_cents <> 0 THEN
        RAISE EXCEPTION 'entry % does not balance: debits - credits = % cents',
            NEW.entry_id, off_cents USING ERRCODE = 'check_violation';
    END IF;
    IF clients > 1 AND groups_off > 0 THEN
        RAISE EXCEPTION 'entry % does not balance for each client', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
-- On entries too: an entry without any posting would otherwise never be looked at.
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_entry();
CREATE CONSTRAINT TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_entry();

CREATE TRIGGER accounts_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down
DROP TABLE ledger_postings, ledger_entries, accounts;
DROP FUNCTION check_ledger_entry, refuse_late_posting, stamp_ledger_entry;
