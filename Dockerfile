# CI runs the build commands of this file outside a container and checks that the binary is static.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build
# An empty folder to copy, because the last image has no shell to make one.
RUN mkdir -p bin/data

FROM gcr.io/distroless/static-debian12
COPY --from=build /src/bin/weir /weir
COPY --from=build /src/LICENSE /src/NOTICE /licenses/
# 65532 is the image's user nonroot; as a number, orchestrators can see that it is not root.
COPY --from=build --chown=65532:65532 --chmod=0700 /src/bin/data /data
USER 65532:65532
ENV WEIR_DATA_DIR=/data
VOLUME /data
EXPOSE 8080/tcp 8189/udp 8189/tcp 1935/tcp
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/weir", "health"]
ENTRYPOINT ["/weir"]
CMD ["serve"]
