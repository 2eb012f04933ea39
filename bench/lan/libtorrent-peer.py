"""libtorrent-peer.py make FOLDER TORRENT PIECE_BYTES
libtorrent-peer.py seed plain|tuned FOLDER TORRENT
libtorrent-peer.py leech plain|tuned FOLDER TORRENT GATE PEER…

One BitTorrent peer without rate limits that knows nobody but the peers it is told of. Plain: with
libtorrent's own settings. Tells what happens as one JSON object a line.
"""

import json
import os
import sys
import time

import libtorrent as lt

PORT = 6881
SETTINGS = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "alert_mask": lt.alert.category_t.error_notification
    | lt.alert.category_t.status_notification
    | lt.alert.category_t.connect_notification,
}
# For a LAN: TCP alone and in the clear, everybody unchoked at once, deep queues.
TUNED = {
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "connection_speed": 200,
    "unchoke_slots_limit": -1,
    "in_enc_policy": 2,
    "out_enc_policy": 2,
    "send_buffer_watermark": 3 * 1024 * 1024,
    "send_buffer_low_watermark": 256 * 1024,
    "max_out_request_queue": 1500,
    "max_allowed_in_request_queue": 4000,
    "request_queue_time": 1,
}


def tell(event, **fields):
    print(json.dumps({"at": time.time() * 1000, "event": event, **fields}), flush=True)


def make(folder, torrent, piece_bytes):
    storage = lt.file_storage()
    lt.add_files(storage, folder)
    maker = lt.create_torrent(storage, int(piece_bytes), lt.create_torrent.v1_only)
    lt.set_piece_hashes(maker, os.path.dirname(folder))
    with open(torrent, "wb") as file:
        file.write(lt.bencode(maker.generate()))


def start(manner, folder, torrent, seeding):
    tuned = TUNED if manner == "tuned" else {}
    session = lt.session({**SETTINGS, **tuned, "listen_interfaces": f"0.0.0.0:{PORT}"})
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = os.path.dirname(folder)
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if seeding:
        params.flags |= lt.torrent_flags.seed_mode
    return session, params


def follow(session, handle):
    connected = finished = False
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.peer_connect_alert) and not connected:
                connected = True
                tell("connected")
            elif isinstance(alert, lt.torrent_finished_alert) and not finished:
                finished = True
                tell("complete")
            elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
                tell("error", message=alert.message())


def main():
    verb = sys.argv[1]
    if verb == "make":
        return make(*sys.argv[2:])
    session, params = start(*sys.argv[2:5], verb == "seed")
    if verb == "seed":
        handle = session.add_torrent(params)
        tell("serving")
    else:
        gate, *peers = sys.argv[5:]
        tell("loaded", cpuSeconds=time.process_time())
        while not os.path.exists(gate):
            time.sleep(0.01)
        handle = session.add_torrent(params)
        for peer in peers:
            handle.connect_peer((peer, PORT))
    follow(session, handle)


main()
