"""What scripts do with docker-py, step by step; see steps.ts for the lines printed."""
import io
import json
import os
import tarfile
import threading
import time
import traceback

import docker
from docker import errors
from docker.types import Mount

IMAGE = os.environ["IMAGE"]
BUSYBOX = "busybox:latest"
client = docker.from_env()
shared = {}


def main_container():
    if "main" not in shared:
        shared["main"] = client.containers.run(
            BUSYBOX, ["sh", "-c", "echo ready; echo oops >&2; exec sleep 600"],
            name="py-main", detach=True, init=True, environment={"BOAT": "skiff"}, labels={"sea": "north"},
            mem_limit="64m", cpu_shares=512, hostname="boat", tmpfs={"/scratch": "size=1m"})
    return shared["main"]


def raises(kind, call, *words):
    try:
        call()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} expected")


def daemon():
    assert client.ping() is True
    version = client.version()
    assert version["Os"] == "linux" and version["ApiVersion"], version
    info = client.info()
    assert info["OSType"] == "linux" and info["Images"] >= 1 and info["NCPU"] >= 1, info
    assert set(client.df()) >= {"LayersSize", "Images", "Containers", "Volumes"}
    negotiated = docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version="auto")
    assert negotiated.api.api_version >= "1.41", negotiated.api.api_version
    negotiated.close()


def image_pull():
    repository = IMAGE.rsplit(":", 1)[0]
    image = client.images.pull(repository, tag="latest")
    assert IMAGE in image.tags, image.tags
    data = client.images.get_registry_data(IMAGE)
    assert data.id == image.attrs["RepoDigests"][0].split("@")[1], data.attrs
    lines = list(client.api.pull(repository, tag="latest", stream=True, decode=True))
    assert lines[-1]["status"] == f"Status: Image is up to date for {IMAGE}", lines


def image_list_and_inspect():
    tags = [tag for image in client.images.list() for tag in image.tags]
    assert BUSYBOX in tags and IMAGE in tags, tags
    assert client.images.list(name="nothing") == []
    image = client.images.get(BUSYBOX)
    assert image.attrs["Os"] == "linux" and image.attrs["RootFS"]["Type"] == "layers", image.attrs
    assert image.short_id.startswith("sha256:") and len(image.history()) >= 1
    archive = b"".join(image.save(named=True))
    assert "manifest.json" in tarfile.open(fileobj=io.BytesIO(archive)).getnames()
    assert client.images.load(archive)[0].id == image.id


def image_tag_and_remove():
    image = client.images.get(BUSYBOX)
    assert image.tag("boats/copy", tag="one") is True
    assert client.images.get("boats/copy:one").id == image.id
    client.images.remove("boats/copy:one")
    raises(errors.ImageNotFound, lambda: client.images.get("boats/copy:one"), "No such image: boats/copy:one")
    image.tag(IMAGE.replace("sea/busybox", "sea/pushed"))
    pushed = list(client.images.push(IMAGE.replace("sea/busybox", "sea/pushed"), stream=True, decode=True))
    assert any("Digest" in line.get("aux", {}) for line in pushed), pushed


def image_missing():
    raises(errors.ImageNotFound, lambda: client.containers.create("no-such-image"), "No such image")
    raises(errors.NotFound, lambda: client.containers.get("nobody"), "No such container: nobody")


def run():
    assert client.containers.run(BUSYBOX, "echo hello", remove=True) == b"hello\n"
    both = client.containers.run(BUSYBOX, ["sh", "-c", "echo out; echo err >&2"], remove=True, stderr=True)
    assert sorted(both.split()) == [b"err", b"out"], both
    bound = client.containers.run(
        BUSYBOX, "cat /data/hostname", remove=True, user="1000", working_dir="/tmp",
        mounts=[Mount("/data", "/etc", type="bind", read_only=True)])
    assert bound.strip(), bound


def run_fails():
    error = raises(errors.ContainerError, lambda: client.containers.run(
        BUSYBOX, ["sh", "-c", "echo broken >&2; exit 3"], remove=True))
    assert error.exit_status == 3 and error.stderr == b"broken\n", error.stderr
    raises(errors.APIError, lambda: client.containers.run(BUSYBOX, "no-such-program", remove=True),
           "executable file not found in $PATH")


def create_and_start():
    container = client.containers.create(
        BUSYBOX, ["sh", "-c", "read line; echo got $line"], stdin_open=True, name="py-created")
    assert container.status == "created" and container.name == "py-created"
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    stream._sock.sendall(b"rope\n")
    assert container.wait()["StatusCode"] == 0
    assert container.logs() == b"got rope\n", container.logs()
    stream.close()
    raises(errors.APIError, lambda: client.containers.create(BUSYBOX, name="py-created"), "Conflict", "py-created")
    container.remove()


def logs():
    container = main_container()
    deadline = time.time() + 20
    while len(container.logs().split()) < 2 and time.time() < deadline:
        time.sleep(0.05)
    assert container.logs(stderr=False) == b"ready\n" and container.logs(stdout=False) == b"oops\n"
    stamped = container.logs(stderr=False, timestamps=True)
    assert stamped.endswith(b"Z ready\n"), stamped
    short = client.containers.run(BUSYBOX, ["sh", "-c", "for i in 1 2 3; do echo $i; done"], detach=True)
    assert b"".join(short.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    assert short.logs(tail=1) == b"3\n"
    short.remove(force=True)


def exec_run():
    container = main_container()
    code, output = container.exec_run(["sh", "-c", "echo $BOAT $PWD; exit 4"], workdir="/tmp")
    assert (code, output) == (4, b"skiff /tmp\n"), (code, output)
    code, (out, err) = container.exec_run(["sh", "-c", "echo a; echo b >&2"], demux=True)
    assert (code, out, err) == (0, b"a\n", b"b\n"), (code, out, err)
    assert b"".join(container.exec_run("id -un", user="plain", stream=True).output) == b"plain\n"
    assert container.exec_run("no-such-program").exit_code in (126, 127)
    made = client.api.exec_create(container.id, ["cat"], stdin=True)
    stream = client.api.exec_start(made["Id"], socket=True)
    stream._sock.sendall(b"through\n")
    frame = stream._sock.recv(64)
    assert frame[0] == 1 and frame[8:] == b"through\n", frame
    stream._sock.close()
    stream.close()


def stats_once():
    stats = main_container().stats(stream=False)
    assert stats["memory_stats"]["limit"] == 64 << 20 and "cpu_stats" in stats and "precpu_stats" in stats, stats
    first = next(main_container().stats(stream=True, decode=True))
    assert first["pids_stats"]["current"] >= 1, first


def top():
    table = main_container().top()
    assert "PID" in table["Titles"] and any("sleep 600" in row[-1] for row in table["Processes"]), table
    assert main_container().top(ps_args="-o pid,comm")["Titles"] == ["PID", "COMMAND"]


def archives():
    container = main_container()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("note")
        entry.size, entry.mode, entry.uid = 7, 0o640, 1000
        archive.addfile(entry, io.BytesIO(b"afloat\n"))
    assert container.put_archive("/var", packed.getvalue()) is True
    assert container.exec_run("stat -c %u:%a /var/note").output == b"1000:640\n"
    chunks, stat = container.get_archive("/var/note")
    assert stat["name"] == "note" and stat["size"] == 7, stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.extractfile("note").read() == b"afloat\n"
    raises(errors.NotFound, lambda: container.get_archive("/nowhere"), "Could not find the file /nowhere")
    assert {"Path": "/var/note", "Kind": 1} in container.diff(), container.diff()
    assert len(b"".join(container.export())) > 100_000


def commit():
    image = main_container().commit("boats/committed", tag="v1", message="note", changes="CMD cat /var/note")
    assert client.images.get("boats/committed:v1").id == image.id
    assert client.containers.run("boats/committed:v1", remove=True) == b"afloat\n"
    client.images.remove("boats/committed:v1")


def wait_and_remove():
    container = client.containers.run(BUSYBOX, ["sh", "-c", "exit 7"], detach=True)
    assert container.wait(timeout=20) == {"Error": None, "StatusCode": 7} or container.wait()["StatusCode"] == 7
    container.reload()
    assert container.status == "exited" and container.attrs["State"]["ExitCode"] == 7
    container.remove()
    raises(errors.NotFound, container.reload)
    container = main_container()
    raises(errors.APIError, container.remove, "409")
    container.kill("SIGTERM")
    assert container.wait()["StatusCode"] == 143
    container.restart()
    container.reload()
    assert container.status == "running"


def rename_pause_update():
    container = main_container()
    container.rename("py-renamed")
    assert [found.name for found in client.containers.list(filters={"label": "sea=north"})] == ["py-renamed"]
    container.pause()
    container.reload()
    assert container.status == "paused", container.status
    container.unpause()
    container.update(mem_limit="128m", memswap_limit="256m")
    container.reload()
    assert container.attrs["HostConfig"]["Memory"] == 128 << 20
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] in (137, 143)
    container.remove(v=True)


def networks():
    network = client.networks.create("py-net", driver="bridge", labels={"sea": "north"}, internal=True)
    assert [found.name for found in client.networks.list(names=["py-net"])] == ["py-net"]
    server = client.containers.run(
        BUSYBOX, ["httpd", "-f", "-h", "/etc"], detach=True, network="py-net", name="py-server", init=True)
    answer = client.containers.run(
        BUSYBOX, ["sh", "-c", "until wget -q -O - http://py-server/passwd 2>/dev/null; do sleep 0.1; done"],
        network="py-net", remove=True)
    assert b"plain" in answer, answer
    network.reload()
    assert [found.name for found in network.containers] == ["py-server"]
    other = client.networks.create("py-other")
    other.connect(server, aliases=["harbour"])
    server.reload()
    assert set(server.attrs["NetworkSettings"]["Networks"]) == {"py-net", "py-other"}
    other.disconnect(server)
    other.remove()
    raises(errors.APIError, network.remove, "has active endpoints")
    server.remove(force=True)
    network.remove()
    raises(errors.NotFound, lambda: client.networks.get("py-net"), "network py-net not found")


def volumes():
    volume = client.volumes.create("py-volume", labels={"sea": "north"})
    client.containers.run(BUSYBOX, ["sh", "-c", "echo kept >/data/file"], volumes={"py-volume": {"bind": "/data"}},
                          remove=True)
    kept = client.containers.run(BUSYBOX, "cat /data/file", volumes=["py-volume:/data:ro"], remove=True)
    assert kept == b"kept\n", kept
    assert volume in client.volumes.list(filters={"label": "sea"})
    assert volume.attrs["Driver"] == "local" and volume.attrs["Scope"] == "local", volume.attrs
    volume.remove()
    raises(errors.NotFound, lambda: client.volumes.get("py-volume"), "py-volume")


def events():
    seen = []
    stream = client.events(decode=True, filters={"type": "container", "label": "watched"})
    reader = threading.Thread(target=lambda: seen.extend(stream), daemon=True)
    since = int(time.time())
    reader.start()
    client.containers.run(BUSYBOX, "true", labels={"watched": ""}, remove=True)
    deadline = time.time() + 20
    while not any(event["Action"] == "destroy" for event in seen) and time.time() < deadline:
        time.sleep(0.05)
    stream.close()
    wanted = ["create", "start", "die", "destroy"]
    past = list(client.events(since=since, until=int(time.time()) + 1, decode=True, filters={"label": "watched"}))
    for found in (seen, past):
        actions = [event["Action"] for event in found]
        assert [action for action in actions if action in wanted] == wanted, actions


def prune():
    client.containers.create(BUSYBOX, labels={"old": "yes"})
    assert len(client.containers.prune(filters={"label": "old"})["ContainersDeleted"]) == 1
    client.volumes.create()
    assert len(client.volumes.prune()["VolumesDeleted"]) >= 1
    client.networks.create("py-unused")
    assert client.networks.prune()["NetworksDeleted"] == ["py-unused"]
    assert client.images.prune()["SpaceReclaimed"] == 0
    assert client.api.prune_builds()["SpaceReclaimed"] == 0


for step in (daemon, image_pull, image_list_and_inspect, image_tag_and_remove, image_missing, run, run_fails,
             create_and_start, logs, exec_run, stats_once, top, archives, commit, wait_and_remove,
             rename_pause_update, networks, volumes, events, prune):
    started = time.time()
    try:
        step()
        problem = None
    except Exception:
        problem = traceback.format_exc()
    print(json.dumps({"step": step.__name__, "error": problem, "seconds": round(time.time() - started, 2)}), flush=True)
client.close()
