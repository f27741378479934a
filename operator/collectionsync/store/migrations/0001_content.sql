-- Content is immutable and shared by every repository: rows are inserted and never updated.

CREATE TABLE source (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL UNIQUE
);

-- Narrow, so that scans of versions never touch a document.
CREATE TABLE collection_version (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace        text NOT NULL,
    name             text NOT NULL,
    version          text NOT NULL,
    sort_key         text NOT NULL COLLATE "C",
    sha256           text NOT NULL UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size             bigint NOT NULL CHECK (size >= 0),
    requires_ansible text,
    dependencies     jsonb NOT NULL,
    tags             text[] NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN collection_version.sort_key IS 'orders versions by semver precedence, byte by byte';
COMMENT ON COLUMN collection_version.sha256 IS 'digest of the artifact: what a version is';
CREATE INDEX ON collection_version (namespace, name, sort_key);

-- What the source sent, byte by byte. json keeps it exact and costs half of jsonb; lz4 halves it again.
CREATE TABLE collection_document (
    version_id bigint  NOT NULL REFERENCES collection_version ON DELETE CASCADE,
    kind       text    NOT NULL CHECK (kind IN ('docs_blob', 'manifest', 'files', 'metadata')),
    body       json    NOT NULL,
    bytes      bigint  NOT NULL,
    sha256     text    NOT NULL,
    has_nul    boolean NOT NULL,
    PRIMARY KEY (version_id, kind)
);
COMMENT ON COLUMN collection_document.has_nul IS 'the body has a \u0000 escape, which no text of PostgreSQL can hold';
DO $$
BEGIN
    IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
        ALTER TABLE collection_document ALTER COLUMN body SET COMPRESSION lz4;
    END IF;
END $$;

-- What a source said. A version known here costs no request, and sources that disagree are both kept.
CREATE TABLE source_version (
    source_id  bigint NOT NULL REFERENCES source ON DELETE CASCADE,
    namespace  text NOT NULL,
    name       text NOT NULL,
    version    text NOT NULL,
    version_id bigint NOT NULL REFERENCES collection_version,
    PRIMARY KEY (source_id, namespace, name, version)
);
CREATE INDEX ON source_version (version_id);

-- A json body may hold escapes that no text can: one of them anywhere makes every -> on the document fail.
-- Such an escape becomes U+FFFD for readers; the stored body stays as it came.
-- Escaped backslashes are set aside meanwhile, as a character that no JSON text has: then every \ begins an escape.
CREATE FUNCTION readable_json(body json) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN strpos(body::text, '\u0000') = 0 AND strpos(body::text, '\ud') = 0 AND strpos(body::text, '\uD') = 0
        THEN body
        ELSE replace(regexp_replace(regexp_replace(replace(replace(body::text,
            '\\', chr(1)), '\u0000', '\ufffd'),
            '\\u[dD][89abAB][[:xdigit:]]{2}(?!\\u[dD][c-fC-F][[:xdigit:]]{2})', '\\ufffd', 'g'),
            '(?<!\\u[dD][89abAB][[:xdigit:]]{2})\\u[dD][c-fC-F][[:xdigit:]]{2}', '\\ufffd', 'g'),
            chr(1), '\\')::json
    END
$$;

CREATE VIEW collection_docs AS
    SELECT v.id AS version_id, v.namespace, v.name, v.version, readable_json(d.body) -> 'docs_blob' AS docs
    FROM collection_version v JOIN collection_document d ON d.version_id = v.id AND d.kind = 'docs_blob';
