# One image for both: the operator, and the worker that its Jobs run. Debian 13 or newer, for its setuptools and its pip.
# Nothing is compiled from C, and nothing is fetched but Debian's packages and hashed wheels of the Python index.
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim

FROM ${BASE_IMAGE} AS build
# The authorities are collected in a folder of their own: whoever builds through a private one mounts it, read-only, at
# the path that the package's own script would replace, and pip finds it there.
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    dpkg-divert --quiet --rename --add /usr/sbin/update-ca-certificates; \
    ln -s ../bin/true /usr/sbin/update-ca-certificates; \
    apt-get update --quiet; \
    apt-get install --quiet --yes --no-install-recommends ca-certificates python3 python3-pip python3-setuptools; \
    mkdir /authorities; \
    /usr/sbin/update-ca-certificates.distrib --etccertsdir /authorities --hooksdir ""; \
    cp --dereference --recursive /authorities /certificates; \
    cp --update=none /certificates/ca-certificates.crt /etc/ssl/certs/; \
    python3 -m venv --without-pip /opt/collectionsync

# A process must not pay for compiling, nor look at the time of a source: what is compiled here is taken as it is.
ARG PIP="python3 -m pip --quiet --no-cache-dir"
ARG COMPILE="python3 -m compileall -q --invalidation-mode unchecked-hash"
COPY requirements/operator.txt /source/requirements/
# kubernetes/aio is a second client, which nobody here imports: 66 MB, a third of the whole.
RUN $PIP --python /opt/collectionsync/bin/python3 install --no-compile --only-binary :all: --require-hashes \
      --requirement /source/requirements/operator.txt \
 && rm -rf /opt/collectionsync/lib/python3.*/site-packages/kubernetes/aio \
 && $COMPILE /opt/collectionsync/lib

# What changes often comes last and by itself: another version of the source is a layer of a megabyte.
COPY pyproject.toml README.md LICENSE /source/
COPY operator /source/operator
RUN $PIP wheel --no-deps --no-build-isolation --wheel-dir /wheels /source \
 && $PIP --python /opt/collectionsync/bin/python3 install --no-compile --no-deps --prefix /project /wheels/*.whl \
 && $COMPILE -s /project -p /opt/collectionsync /project/lib

FROM ${BASE_IMAGE}
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update --quiet; \
    apt-get install --quiet --yes --no-install-recommends python3 tzdata; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log; \
    # Libraries ask what their user is called.
    echo "collectionsync:x:65532:" >> /etc/group; \
    echo "collectionsync:x:65532:65532::/nonexistent:/usr/sbin/nologin" >> /etc/passwd
# A folder of authorities, in which OpenSSL looks for the one that it needs. The package `openssl` would make one file of
# them the default, which each process then reads as a whole: 1.5 MB of its memory.
COPY --from=build /certificates /etc/ssl/certs
COPY --from=build /opt/collectionsync /opt/collectionsync
COPY --from=build /project /opt/collectionsync

LABEL org.opencontainers.image.title="collectionsync" \
      org.opencontainers.image.description="Mirror Ansible collections into PostgreSQL, in flat and measured memory" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/collectionsync/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    SSL_CERT_DIR=/etc/ssl/certs
# By number, so that a kubelet can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/opt/collectionsync/bin/collectionsync"]
