"""The parts of which a version's JSON is made, in lists and in details alike: expressions and joins of SQL.

They are constants, and nothing that anybody sends becomes a part of a statement. Everywhere $1 is the repository, $2
its publication, and $3 the path of its API.

Every part looks up what belongs to one row by a whole key, behind a fence (LIMIT 1, OFFSET 0 or an aggregate) that
leaves the planner no other way: the first reader comes before the first statistics, and without them a planner takes
what is so of all rows for a condition that leaves few, and compares all with all.
"""

# ruff: noqa: S608 - statements are joined of constants alone

VERSION = "SELECT *, $1::bigint AS repository_id FROM collection_version"
"""What `v` is selected from; OFFSET 0 at its end is its fence."""

HELD = """
    CROSS JOIN LATERAL (
        SELECT * FROM repository_content c
        WHERE (c.repository_id, c.version_id) = (v.repository_id, v.id)
          AND c.added <= $2 AND (c.removed IS NULL OR c.removed > $2)
        LIMIT 1
    ) c
"""
"""The row `c` of a version `v` that the publication has."""

HREF = "$3::text || '/v3/collections/' || url_segment(v.namespace) || '/' || url_segment(v.name) || '/'"
"""Where a client finds the collection of the version `v`."""

FILENAME = "v.namespace || '-' || v.name || '-' || v.version || '.tar.gz'"
"""What the artifact of the version `v` is called."""

PUBLISHED = """
    CROSS JOIN LATERAL (
        SELECT p.created_at FROM repository_version p
        WHERE (p.repository_id, p.number) = (v.repository_id, c.added) LIMIT 1
    ) p
"""
"""When the version `v` came into the repository."""

_HEARD = "SELECT * FROM repository_claim k WHERE (k.version_id, k.repository_id) = (v.id, v.repository_id) OFFSET 0"

SAID = f"""
    {PUBLISHED}
    LEFT JOIN LATERAL (SELECT * FROM version_change x WHERE x.version_id = v.id LIMIT 1) x ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(DISTINCT mark), '[]') AS marks
        FROM ({_HEARD}) k
        CROSS JOIN LATERAL (
            SELECT s.marks FROM source_version s
            WHERE (s.source_id, s.namespace, s.name, s.version) = (k.source_id, v.namespace, v.name, v.version)
              AND s.version_id = v.id
            LIMIT 1
        ) s
        CROSS JOIN LATERAL unnest(s.marks) mark
    ) said
"""
"""What is said of the version `v`: what ITEM needs beside `v` and `c`."""

# Two changes may be noted by clocks in another order than they are committed in: each moves the time all the same.
_ITEM = f"""
    'version', v.version,
    'href', {HREF} || 'versions/' || url_segment(v.version) || '/',
    'created_at', utc_text(p.created_at),
    'updated_at', utc_text(greatest(p.created_at, c.changed_at, x.changed_at)
                           + (c.changes + coalesce(x.changes, 0)) * interval '1 microsecond'),
    'requires_ansible', v.requires_ansible,
    'marks', said.marks
"""

ITEM = f"json_build_object({_ITEM})"
"""A version as the list of its collection has it."""

SAID_IN_DETAIL = f"""
    {SAID}
    CROSS JOIN LATERAL (SELECT r.name FROM repository r WHERE r.id = v.repository_id LIMIT 1) r
    CROSS JOIN LATERAL (
        SELECT coalesce(max(a.bytes), v.size) AS size FROM artifact a WHERE a.version_id = v.id
    ) archive
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'signature', s.signature,
            'pubkey_fingerprint', coalesce(s.pubkey_fingerprint, ''),
            'signing_service', s.signing_service,
            'pulp_created', utc_text(s.stored_at)
        ) ORDER BY s.stored_at, s.sha256), '[]') AS signatures
        FROM (
            SELECT DISTINCT ON (sha256) *
            FROM (
                SELECT s.* FROM ({_HEARD}) k
                CROSS JOIN LATERAL (
                    SELECT s.sha256, s.signature, s.pubkey_fingerprint, s.signing_service, s.stored_at
                    FROM source_signature s WHERE (s.source_id, s.version_id) = (k.source_id, v.id) OFFSET 0
                ) s
                UNION ALL
                SELECT s.sha256, s.signature, NULL, NULL, s.stored_at
                FROM repository_signature s WHERE (s.version_id, s.repository_id) = (v.id, v.repository_id)
            ) every
            ORDER BY sha256, pubkey_fingerprint, signing_service, stored_at
        ) s
    ) signed
"""
"""What DETAIL needs beside `v`, `c` and `space`: SAID and more."""

DETAIL = f"""json_build_object({_ITEM},
    'artifact', json_build_object('filename', {FILENAME}, 'sha256', v.sha256, 'size', archive.size),
    'collection', json_build_object('name', v.name, 'href', {HREF}),
    'download_url', $4::text || $3::text || '/v3/plugin/ansible/content/' || url_segment(r.name)
                    || '/collections/artifacts/' || url_segment({FILENAME}),
    'name', v.name,
    'namespace', json_build_object('name', v.namespace, 'metadata_sha256', space.metadata_sha256),
    'signatures', signed.signatures
)"""
"""A version as its detail has it, without its documents; $4 is the URL that the path of the API comes after."""

METADATA = """
    LEFT JOIN LATERAL (
        SELECT * FROM collection_document d WHERE (d.version_id, d.kind) = (v.id, 'metadata') LIMIT 1
    ) metadata ON true
"""
"""The metadata of the version `v` as it came, if there is any."""

# The pairs of a repository's sources are found one from the next: their index is made for this, and no other question
# can be asked of it. Of what was read last a claim is looked for first, and most often found at once.
SPACE = """
    LEFT JOIN LATERAL (
        SELECT told.body, n.avatar_sha256,
               CASE WHEN told.body::text = n.body::text
                         AND told.body ->> 'avatar_sha256' IS NOT DISTINCT FROM n.avatar_sha256
                    THEN told.body ->> 'metadata_sha256' END AS metadata_sha256
        FROM (
            WITH RECURSIVE heard AS (
                SELECT min(ARRAY[k.repository_id, k.source_id]) AS pair FROM repository_claim k
                WHERE ARRAY[k.repository_id, k.source_id] > ARRAY[v.repository_id, 0]
                UNION ALL
                SELECT (SELECT min(ARRAY[k.repository_id, k.source_id]) FROM repository_claim k
                        WHERE ARRAY[k.repository_id, k.source_id] > heard.pair)
                FROM heard WHERE heard.pair[1] = v.repository_id
            )
            SELECT n.*
            FROM heard
            CROSS JOIN LATERAL (
                SELECT * FROM source_namespace n WHERE (n.source_id, n.name) = (heard.pair[2], v.namespace) LIMIT 1
            ) n
            WHERE heard.pair[1] = v.repository_id
            ORDER BY n.checked_at DESC, n.source_id
            OFFSET 0
        ) n
        CROSS JOIN LATERAL (
            SELECT FROM (SELECT o.id FROM collection_version o WHERE o.namespace = v.namespace OFFSET 0) o
            CROSS JOIN LATERAL (
                SELECT FROM repository_claim k
                WHERE (k.version_id, k.repository_id, k.source_id) = (o.id, v.repository_id, n.source_id) LIMIT 1
            ) k
            LIMIT 1
        ) claimed
        CROSS JOIN LATERAL (SELECT readable_json(n.body) AS body OFFSET 0) told
        ORDER BY n.checked_at DESC, n.source_id LIMIT 1
    ) space ON true
"""
"""The metadata of the namespace of `v`: of the sources that it comes from, that of the one which was read last.

Its digest is told only where a client can have all that it covers: not where an avatar is missing, nor where no text
can hold what the source said.
"""
