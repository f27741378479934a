-- Several sources, what they say beside the content, and artifacts.

-- What a source's lists said of a version last, as digests: while one of them stays, the detail is not asked for again.
-- There are several since one source has lists of several kinds, and resources that read another one each.
ALTER TABLE source_version
    ADD COLUMN fingerprints     text[] NOT NULL DEFAULT '{}',
    ADD COLUMN marks            text[] NOT NULL DEFAULT '{}',
    ADD COLUMN namespace_sha256 text,
    -- An earlier release, which does not set it, looked at no signatures.
    ADD COLUMN checked_at       timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN source_version.checked_at IS 'when the detail was last read: signatures may come later';
COMMENT ON COLUMN source_version.namespace_sha256 IS 'digest of the metadata of the namespace, as the detail has it';

-- Signatures are a source's word: tenants share content, and none signs for another.
CREATE TABLE source_signature (
    source_id          bigint NOT NULL REFERENCES source ON DELETE CASCADE,
    version_id         bigint NOT NULL REFERENCES collection_version ON DELETE CASCADE,
    sha256             text   NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    signature          text   NOT NULL,
    pubkey_fingerprint text,
    signing_service    text,
    PRIMARY KEY (source_id, version_id, sha256)
);
COMMENT ON COLUMN source_signature.sha256 IS 'digest of the signature''s text';
CREATE INDEX ON source_signature (version_id);

CREATE TABLE avatar (
    sha256       text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    content_type text NOT NULL,
    body         bytea NOT NULL
);

CREATE TABLE source_namespace (
    source_id        bigint NOT NULL REFERENCES source ON DELETE CASCADE,
    name             text NOT NULL,
    announced_sha256 text,
    body             json NOT NULL,
    avatar_sha256    text REFERENCES avatar,
    checked_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, name)
);
COMMENT ON COLUMN source_namespace.announced_sha256 IS
    'the digest that details named when this was read; null where the avatar could not be had, so that it is tried again';

-- Objects are named by the digest of the artifact, so a row says no more than that one is there, and how it was checked.
CREATE TABLE artifact_store (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL UNIQUE
);
CREATE TABLE artifact (
    store_id   bigint NOT NULL REFERENCES artifact_store ON DELETE CASCADE,
    version_id bigint NOT NULL REFERENCES collection_version ON DELETE CASCADE,
    bytes      bigint NOT NULL,
    verified   text   NOT NULL CHECK (verified IN ('Chain', 'Members')),
    stored_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store_id, version_id)
);
CREATE INDEX ON artifact (version_id);

-- Which resource wants which content of a repository: a mirror removes only what no other resource wants.
CREATE TABLE repository_claim (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    owner         text   NOT NULL,
    version_id    bigint NOT NULL REFERENCES collection_version,
    source_id     bigint NOT NULL REFERENCES source,
    PRIMARY KEY (repository_id, owner, version_id)
);
COMMENT ON COLUMN repository_claim.owner IS 'the name of the resource';
CREATE INDEX ON repository_claim (version_id, repository_id);

-- Those that come from URLs among the requirements are the resource's own word: who mirrors the same source has none of them.
CREATE TABLE repository_signature (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    owner         text   NOT NULL,
    version_id    bigint NOT NULL REFERENCES collection_version ON DELETE CASCADE,
    sha256        text   NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    signature     text   NOT NULL,
    PRIMARY KEY (repository_id, owner, version_id, sha256)
);
CREATE INDEX ON repository_signature (version_id);

CREATE TABLE repository_deprecation (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    owner         text   NOT NULL,
    namespace     text   NOT NULL,
    name          text   NOT NULL,
    PRIMARY KEY (repository_id, namespace, name, owner)
);
COMMENT ON TABLE repository_deprecation IS 'a collection is deprecated while any resource that wants it is told so';

-- The last run of a resource that left nothing undone, and what the source called its own state then.
CREATE TABLE repository_sync (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    owner         text   NOT NULL,
    plan_sha256   text   NOT NULL,
    published     text,
    finished_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, owner)
);

-- Runs of an earlier release have no owner, and are anybody's to resume.
ALTER TABLE sync_run ADD COLUMN owner text;

ALTER TABLE sync_requirement
    ADD COLUMN source_id  bigint NOT NULL DEFAULT 0,
    ADD COLUMN latest     integer,
    ADD COLUMN signatures text[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT sync_requirement_pkey,
    ADD PRIMARY KEY (run_id, name, range, source_id);
COMMENT ON COLUMN sync_requirement.source_id IS 'where it is to be looked up; 0 for the first source that has it';

-- A collection that was looked up in a run, and where it was found.
CREATE TABLE sync_collection (
    run_id     bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    source_id  bigint NOT NULL REFERENCES source,
    namespace  text NOT NULL,
    name       text NOT NULL,
    deprecated boolean NOT NULL,
    complete   boolean NOT NULL,
    PRIMARY KEY (run_id, namespace, name, source_id)
);
COMMENT ON COLUMN sync_collection.complete IS 'whether the list of its versions was whole: nothing is removed otherwise';

ALTER TABLE sync_item
    ADD COLUMN source_id    bigint REFERENCES source,
    ADD COLUMN fingerprint  text,
    ADD COLUMN marks        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN dependencies jsonb,
    ADD COLUMN bytes        bigint,
    ADD COLUMN listed       boolean NOT NULL DEFAULT true,
    DROP CONSTRAINT sync_item_state_check,
    ADD CHECK (state IN ('Pending', 'Claimed', 'Created', 'Filled', 'Unchanged', 'Failed', 'Excluded', 'Planned'));
COMMENT ON COLUMN sync_item.dependencies IS 'what a version that is only planned depends on';
COMMENT ON COLUMN sync_item.bytes IS 'what it would take to bring a version that is only planned';
COMMENT ON COLUMN sync_item.listed IS 'false for what a killed run had done, until its resumption finds it in a list again';
COMMENT ON COLUMN sync_item.source_id IS 'null while a worker of an earlier release, which knows one source only, goes on';
UPDATE sync_item i SET source_id = r.source_id FROM sync_run r WHERE r.id = i.run_id;

-- What a run found: it is published, and what it depends on is followed. What failed for want of its docs alone has a
-- version_id as well; what is only planned has one where its content is there already.
CREATE VIEW sync_found AS
    SELECT run_id, source_id, namespace, name, version, version_id, dependencies FROM sync_item
    WHERE listed AND (state = 'Planned'
                      OR (version_id IS NOT NULL AND state IN ('Created', 'Filled', 'Unchanged', 'Failed')));
