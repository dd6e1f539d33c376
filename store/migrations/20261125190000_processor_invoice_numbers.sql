-- migrate:up

-- A document may need another invoice at the processor: the first was paid by money that a person
-- then sent back.
ALTER TABLE processor_invoices ADD COLUMN number integer NOT NULL DEFAULT 1 CHECK (number > 0);
ALTER TABLE processor_invoices DROP CONSTRAINT processor_invoices_pkey,
    ADD PRIMARY KEY (document_id, number);

-- migrate:down
ALTER TABLE processor_invoices DROP CONSTRAINT processor_invoices_pkey,
    ADD PRIMARY KEY (document_id);
ALTER TABLE processor_invoices DROP COLUMN number;
