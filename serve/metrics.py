"""What ``/metrics`` tells Prometheus of the rooms. Reads only; counts nothing of its own."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serve.room import Room, State
from serve.rooms import Rooms

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics(Collector):
    """The rooms as Prometheus sees them: public ones by name, private ones in the sums alone; keys never appear."""

    def __init__(self, rooms: Rooms, viewers: Callable[[str], int]) -> None:
        self._rooms = rooms
        self._viewers = viewers
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Return the figures of the moment."""
        rooms = self._rooms.all()
        watching = {room.name: self._viewers(room.name) for room in rooms}
        sums = GaugeMetricFamily("veilcast_rooms", "Rooms in a state", labels=["state"])
        for possible in State:
            sums.add_metric([possible], sum(room.state is possible for room in rooms))
        yield sums
        yield GaugeMetricFamily("veilcast_viewers", "Viewers of all rooms", value=sum(watching.values()))
        state = GaugeMetricFamily("veilcast_room_state", "1 for the state that a room is in", labels=["room", "state"])
        viewers = GaugeMetricFamily("veilcast_room_viewers", "Viewers of a room", labels=["room"])
        for room in rooms:
            if room.row.private:
                continue
            viewers.add_metric([room.name], watching[room.name])
            for possible in State:
                state.add_metric([room.name, possible], float(room.state is possible))
        yield state
        yield viewers
        yield from self._workers(rooms)
        yield from self._moderation(rooms)

    @staticmethod
    def _workers(rooms: Iterable[Room]) -> Iterable[Metric]:
        """The processes that transcode. What they count begins again with each broadcast."""
        working = [(room, room.worker) for room in rooms if room.worker is not None]
        yield GaugeMetricFamily("veilcast_workers", "Rooms that are transcoded", value=len(working))
        total = sum(worker.rss for _, worker in working)
        yield GaugeMetricFamily("veilcast_worker_rss_bytes", "Memory of all workers", value=total)
        rss = GaugeMetricFamily("veilcast_room_worker_rss_bytes", "Memory of a room's worker", labels=["room"])
        processors = GaugeMetricFamily(
            "veilcast_room_worker_processors", "CPU seconds that a room's worker takes in a second", labels=["room"]
        )
        counts = {
            name: CounterMetricFamily(f"veilcast_room_{name}", text, labels=["room"])
            for name, text in (
                ("worker_restarts", "Times that a room's worker was replaced"),
                ("packets_dropped", "Packets that a room's worker had no time to decode"),
                ("frames_dropped", "Frames that a room's worker had no time to encode"),
                ("frames_repeated", "Frames that a room's worker repeated, since the host left them out"),
            )
        }
        for room, worker in working:
            if room.row.private:
                continue
            rss.add_metric([room.name], worker.rss)
            if worker.processors is not None:
                processors.add_metric([room.name], worker.processors)
            counts["worker_restarts"].add_metric([room.name], worker.restarts)
            counts["packets_dropped"].add_metric([room.name], worker.dropped_packets)
            counts["frames_dropped"].add_metric([room.name], worker.dropped_frames)
            counts["frames_repeated"].add_metric([room.name], worker.repeated_frames)
        yield rss
        yield processors
        yield from counts.values()

    @staticmethod
    def _moderation(rooms: Iterable[Room]) -> Iterable[Metric]:
        """What is held back and covered: how much and why, never what. Counts begin again with each broadcast."""
        moderated = [(room, stats) for room in rooms if (stats := room.moderation) is not None]
        held = sum(stats.held_bytes for _, stats in moderated)
        yield GaugeMetricFamily("veilcast_held_bytes", "Media that is held back in all rooms", value=held)
        rss = sum(stats.rss for _, stats in moderated)
        yield GaugeMetricFamily("veilcast_detector_rss_bytes", "Memory of the detectors of all rooms", value=rss)
        gauges = {
            name: GaugeMetricFamily(f"veilcast_room_{name}", text, labels=["room", *more])
            for name, text, *more in (
                ("held_seconds", "Media that is held back"),
                ("held_bytes", "Media that is held back"),
                ("clearance_lag_seconds", "How far a detector is behind the newest media", "filter"),
                ("detector_rss_bytes", "Memory of a room's detectors"),
                ("detectors_asleep", "1 where nobody watches, and detectors rest"),
                ("detector_processors", "CPU seconds that a room's detectors take in a second"),
            )
        }
        counts = {
            name: CounterMetricFamily(f"veilcast_room_{name}", text, labels=["room", *more])
            for name, text, *more in (
                ("covered_seconds", "How long viewers got the slate in place of the host, and why", "cause"),
                ("findings", "What detectors have found, by the sort of thing it was", "category"),
                ("broken_promises", "Findings that came after their time had been cleared, and gone out"),
                ("detector_restarts", "Times that a room's detectors were replaced"),
            )
        }
        for room, stats in moderated:
            if room.row.private:
                continue
            gauges["held_seconds"].add_metric([room.name], stats.held_seconds)
            gauges["held_bytes"].add_metric([room.name], stats.held_bytes)
            lags: dict[str, float] = {}
            for detector in stats.detectors:
                if detector.lag is not None:  # a room may have the same filter twice: the slower one counts
                    lags[detector.filter] = max(detector.lag, lags.get(detector.filter, 0.0))
            for title, lag in lags.items():
                gauges["clearance_lag_seconds"].add_metric([room.name, title], lag)
            for cause, seconds in stats.covered_seconds.items():
                counts["covered_seconds"].add_metric([room.name, cause], seconds)
            for category, count in stats.findings.items():
                counts["findings"].add_metric([room.name, category], count)
            counts["broken_promises"].add_metric([room.name], stats.broken_promises)
            if stats.detectors:
                gauges["detector_rss_bytes"].add_metric([room.name], stats.rss)
                gauges["detectors_asleep"].add_metric([room.name], float(stats.asleep))
                counts["detector_restarts"].add_metric([room.name], stats.restarts)
                if stats.processors is not None:
                    gauges["detector_processors"].add_metric([room.name], stats.processors)
        yield from gauges.values()
        yield from counts.values()
