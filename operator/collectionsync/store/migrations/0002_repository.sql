-- Which content a repository has. A repository belongs to the Kubernetes namespace of its resource.

CREATE TABLE repository (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL,
    name      text NOT NULL,
    UNIQUE (namespace, name)
);

-- Each publication, in one transaction: readers see the old one until the new one is whole.
CREATE TABLE repository_version (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    number        integer NOT NULL,
    revision      text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, number)
);
COMMENT ON COLUMN repository_version.revision IS 'sha256 over the sorted (name, version, sha256) of its content';

-- Membership as ranges of publications: in from `added` on, until before `removed`.
CREATE TABLE repository_content (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    version_id    bigint NOT NULL REFERENCES collection_version,
    added         integer NOT NULL,
    removed       integer,
    PRIMARY KEY (repository_id, version_id, added),
    CHECK (removed > added)
);
CREATE UNIQUE INDEX repository_content_current ON repository_content (repository_id, version_id) WHERE removed IS NULL;
CREATE INDEX ON repository_content (version_id);

CREATE VIEW repository_current AS
    SELECT r.namespace AS repository_namespace, r.name AS repository,
           v.namespace, v.name, v.version, v.sort_key, v.sha256, v.id AS version_id
    FROM repository r
    JOIN repository_content c ON c.repository_id = r.id AND c.removed IS NULL
    JOIN collection_version v ON v.id = c.version_id;
