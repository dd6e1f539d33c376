-- migrate:up

-- The case that carries a refund out: news of its movements goes there.
ALTER TABLE refunds ADD workflow_id text NOT NULL DEFAULT '';

-- migrate:down
ALTER TABLE refunds DROP workflow_id;
