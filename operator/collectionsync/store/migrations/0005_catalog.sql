-- What readers of a repository need beside its content: which collections it has, and when anything changed.

-- What is known of a version changes after it was stored: documents and artifacts come later, marks and signatures come
-- and go. Content itself is never updated, so that is noted beside it. Two writers may commit in another order than
-- their clocks had them: the time alone could stay as it was, and together with the count it moves with every change.
-- It is of the version, whoever sees what changed: one source's word makes others look again, and find nothing new.
CREATE TABLE version_change (
    version_id bigint PRIMARY KEY REFERENCES collection_version ON DELETE CASCADE,
    changes    integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE repository_content
    ADD COLUMN changes    integer NOT NULL DEFAULT 0,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN repository_content.changed_at IS
    'when the repository''s own word on the version last changed after it came: its signatures, or whose claims it has';

ALTER TABLE source_namespace ADD COLUMN changes integer NOT NULL DEFAULT 1;
ALTER TABLE source_signature ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE repository_signature ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
-- Of an expression, so that it is used for the question that it is made for, which sources a repository hears, and never
-- taken for a way to a version's claims.
CREATE INDEX repository_claim_sources ON repository_claim ((ARRAY[repository_id, source_id]));

-- A publication waits for the one before it, so the time at which its transaction began would be too early.
ALTER TABLE repository_version ALTER COLUMN created_at SET DEFAULT clock_timestamp();

-- The collections that a repository has a version of, as ranges of publications: lists are read by collection, and
-- there are twenty times as many versions. It follows from the content whoever writes that, an earlier release too.
CREATE TABLE repository_collection (
    repository_id bigint NOT NULL REFERENCES repository ON DELETE CASCADE,
    namespace     text NOT NULL,
    name          text NOT NULL,
    added         integer NOT NULL,
    removed       integer,
    PRIMARY KEY (repository_id, namespace, name, added),
    CHECK (removed > added)
);

CREATE FUNCTION add_collections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO repository_collection (repository_id, namespace, name, added)
    SELECT come.repository_id, v.namespace, v.name, min(come.added)
    FROM come JOIN collection_version v ON v.id = come.version_id
    WHERE come.removed IS NULL
      AND NOT EXISTS (SELECT FROM repository_collection k
                      WHERE (k.repository_id, k.namespace, k.name) = (come.repository_id, v.namespace, v.name)
                        AND k.removed IS NULL)
    GROUP BY 1, 2, 3;
    RETURN NULL;
END
$$;
CREATE TRIGGER add_collections AFTER INSERT ON repository_content
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_collections();

CREATE FUNCTION remove_collections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE repository_collection k SET removed = gone.removed
    FROM (
        SELECT changed.repository_id, v.namespace, v.name, max(changed.removed) AS removed
        FROM changed JOIN collection_version v ON v.id = changed.version_id
        WHERE changed.removed IS NOT NULL
        GROUP BY 1, 2, 3
    ) gone
    WHERE (k.repository_id, k.namespace, k.name) = (gone.repository_id, gone.namespace, gone.name)
      AND k.removed IS NULL
      AND NOT EXISTS (SELECT FROM collection_version v
                      JOIN repository_content c ON (c.repository_id, c.version_id) = (gone.repository_id, v.id)
                      WHERE (v.namespace, v.name) = (gone.namespace, gone.name) AND c.removed IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER remove_collections AFTER UPDATE ON repository_content
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION remove_collections();

INSERT INTO repository_collection (repository_id, namespace, name, added)
SELECT c.repository_id, v.namespace, v.name, min(c.added)
FROM repository_content c JOIN collection_version v ON v.id = c.version_id
WHERE c.removed IS NULL
GROUP BY 1, 2, 3;

-- A time as the Galaxy API has it.
CREATE FUNCTION utc_text(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- A text as one segment of a URL's path (https://www.rfc-editor.org/rfc/rfc3986, section 3.3). Those of real names need
-- no escapes, and PostgreSQL calls no function for them: it inlines url_segment, which has no query inside.
CREATE FUNCTION url_escaped(part text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(CASE WHEN byte < 128 AND chr(byte) ~ '^[A-Za-z0-9._~+-]$' THEN chr(byte)
                           ELSE '%' || upper(lpad(to_hex(byte), 2, '0')) END, '' ORDER BY place)
    FROM (SELECT convert_to(part, 'UTF8') AS bytes) encoded
    CROSS JOIN LATERAL generate_series(0, octet_length(bytes) - 1) place
    CROSS JOIN LATERAL (SELECT get_byte(bytes, place) AS byte) taken
$$;
CREATE FUNCTION url_segment(part text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN part ~ '^[A-Za-z0-9._~+-]*$' THEN part ELSE url_escaped(part) END
$$;

-- The metadata of a version as it came, but for `tags` and `dependencies`, which clients cannot do without: one that the
-- source left out, or had as null, is put in front. Where there is no metadata, this is all that the version's row has.
CREATE FUNCTION complete_metadata(body json, tags text[], dependencies jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    readable json := readable_json(body);
    lacking  text := '';
    rest     text;
BEGIN
    IF body IS NULL OR json_typeof(readable) <> 'object' THEN
        RETURN json_build_object(
            'authors', json_build_array(), 'contents', json_build_array(), 'dependencies', dependencies,
            'description', NULL, 'documentation', NULL, 'homepage', NULL, 'issues', NULL,
            'license', json_build_array(), 'repository', NULL, 'tags', tags);
    END IF;
    IF readable ->> 'tags' IS NULL THEN
        lacking := '"tags": ' || to_json(tags) || ', ';
    END IF;
    IF readable ->> 'dependencies' IS NULL THEN
        lacking := lacking || '"dependencies": ' || dependencies || ', ';
    END IF;
    IF lacking = '' THEN
        RETURN body;
    END IF;
    IF json_typeof(readable -> 'tags') = 'null' OR json_typeof(readable -> 'dependencies') = 'null' THEN
        -- One that is null would be there twice.
        SELECT coalesce(json_object_agg(key, value), '{}') INTO body FROM json_each(readable)
        WHERE key NOT IN ('tags', 'dependencies') OR json_typeof(value) <> 'null';
    END IF;
    rest := substr(ltrim(body::text, E' \t\r\n'), 2);
    IF rest ~ '^\s*}' THEN
        lacking := left(lacking, -2);
    END IF;
    RETURN '{' || lacking || rest;
END
$$;
