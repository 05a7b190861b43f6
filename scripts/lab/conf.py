"""The text of a private Asterisk's configuration files."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.ports import LOOPBACK, Ports

# Loaded are whole families, so that a dialplan may use any application or function; what talks to databases, hardware,
# other protocols or the outside is left out: it makes the start slow and the log loud.
_FAMILIES = (
    "app_*",
    "func_*",
    "codec_*",
    "format_*",
    "bridge_*",
    "pbx_config",
    "chan_pjsip",
    "chan_bridge_media",
    "chan_rtp",
    "res_*",
)
_LEFT_OUT = (
    "*calendar*", "*corosync*", "*curl*", "*jabber*", "*ldap*", "*lua*", "*odbc*", "*pgsql*", "*radius*", "*snmp*",
    "*tds*", "*xmpp*", "app_adsi*", "app_agent*", "app_alarm*", "app_amd", "app_audiosocket", "app_broadcast",
    "app_confbridge", "app_dahdi*", "app_festival", "app_flash", "app_followme", "app_getcpeid", "app_ices", "app_if",
    "app_image", "app_jack", "app_meetme", "app_minivm", "app_mp3", "app_nbscat", "app_osplookup", "app_page",
    "app_queue", "app_skel", "app_sms", "app_speech*", "app_stasis*", "app_test", "app_url", "app_voicemail_*",
    "bridge_builtin_interval_features", "codec_codec2", "codec_dahdi", "codec_speex", "format_h26*", "format_jpeg",
    "format_ogg_speex", "format_siren*", "format_vox", "func_aes", "func_enum", "func_speex", "func_talkdetect",
    "res_adsi", "res_aeap*", "res_ael*", "res_ari*", "res_audiosocket", "res_chan_stats", "res_clialiases",
    "res_cliexec", "res_config_*", "res_convert", "res_crypto", "res_endpoint_stats", "res_fax*", "res_hep*",
    "res_http_media_cache", "res_http_post", "res_monitor", "res_parking", "res_phoneprov", "res_pjsip_config_wizard",
    "res_pjsip_dialog_info*", "res_pjsip_exten_state", "res_pjsip_messaging", "res_pjsip_mwi*", "res_pjsip_notify",
    "res_pjsip_outbound_registration", "res_pjsip_phoneprov*", "res_pjsip_pidf*", "res_pjsip_stir*",
    "res_pjsip_transport_websocket", "res_pjsip_xpidf*", "res_pktccops", "res_prometheus", "res_resolver_unbound",
    "res_smdi", "res_snmp", "res_speech_aeap", "res_stasis*", "res_statsd", "res_stir*", "res_stun_monitor",
    "res_timing_dahdi", "res_timing_pthread", "res_tonedetect_*", "res_websocket*",
)  # fmt: skip
_EVENTS = (
    "Newchannel", "Newstate", "Hangup", "HangupRequest", "SoftHangupRequest", "DialBegin", "DialState", "DialEnd", "BridgeCreate",
    "BridgeEnter", "BridgeLeave", "BridgeDestroy", "BridgeMerge", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer", "Pickup",
    "LocalBridge", "LocalOptimizationBegin", "LocalOptimizationEnd", "NewConnectedLine", "MixMonitorStart", "MixMonitorStop",
    "MixMonitorMute", "FullyBooted", "Shutdown", "Reload", "ContactStatus",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A phone as Asterisk knows it: PJSIP/`name`, reached at `address`:`port`, watched every `qualify` seconds (0 = never)."""

    name: str
    address: str
    port: int
    qualify: int = 0

    @property
    def device(self) -> str:
        return f"PJSIP/{self.name}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one private Asterisk. `run` is apart because the path of a unix socket has 108 bytes at most."""

    etc: Path
    var: Path
    run: Path
    log: Path
    spool: Path
    data: Path
    modules: Path


@dataclass(frozen=True, slots=True)
class Dialplan:
    """What calls from the trunk run into: `file` is included as it is, `text` is added, both may be left out."""

    file: Path | None
    globals: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def asterisk_conf(layout: Layout) -> str:
    return f"""[directories]
astetcdir => {layout.etc}
astmoddir => {layout.modules}
astvarlibdir => {layout.var}
astdbdir => {layout.var}
astkeydir => {layout.var}
astdatadir => {layout.data}
astagidir => {layout.data}/agi-bin
astspooldir => {layout.spool}
astrundir => {layout.run}
astlogdir => {layout.log}
astsbindir => {layout.var}
[options]
verbose = 3
nocolor = yes
documentation_language = en_US
hideconnect = yes
live_dangerously = no
"""


def modules_conf(available: Iterable[str]) -> str:
    """`available` are file names of modules without ``.so``."""
    chosen = [
        name
        for name in sorted(available)
        if any(fnmatch.fnmatch(name, x) for x in _FAMILIES) and not any(fnmatch.fnmatch(name, x) for x in _LEFT_OUT)
    ]
    return "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in chosen)


def pjsip_conf(ports: Ports, phones: Iterable[Endpoint], codecs: str) -> str:
    """Whoever calls from 127.0.0.1 is the trunk; each phone has an address of its own, so that its calls are its own."""
    # media_address spares Asterisk asking for the address of its own host name, which is a DNS query where /etc/hosts lacks it
    text = f"""[global]
type=global
endpoint_identifier_order=ip
user_agent=lab
keep_alive_interval=0
[system]
type=system
[udp]
type=transport
protocol=udp
bind={LOOPBACK}:{ports.sip}
[any](!)
type=endpoint
transport=udp
disallow=all
allow={codecs}
direct_media=no
media_address={LOOPBACK}
bind_rtp_to_media_address=yes
from_domain={LOOPBACK}
dtmf_mode=rfc4733
rtp_timeout=0
[trunk](any)
context=from-trunk
allow_transfer=no
[trunk]
type=identify
endpoint=trunk
match={LOOPBACK}
"""
    for phone in phones:
        text += f"""[{phone.name}](any)
context=from-phones
aors={phone.name}
device_state_busy_at=1
[{phone.name}]
type=aor
contact=sip:{phone.name}@{phone.address}:{phone.port}
qualify_frequency={phone.qualify}
qualify_timeout=1
[{phone.name}]
type=identify
endpoint={phone.name}
match={phone.address}
"""
    return text


def manager_conf(ports: Ports, secret: str) -> str:
    """The bridge's own user with the least it needs, and the user `lab`, who may do all."""
    names = "".join(f"eventfilter(action(include),name({name})) =\n" for name in _EVENTS)
    return f"""[general]
enabled=yes
bindaddr={LOOPBACK}
port={ports.ami}
timestampevents=yes
webenabled=no
[callbridge]
secret={secret}
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.255
writetimeout=5000
read=system,call,user,dialplan
write=reporting
{names}eventfilter(action(include),name(VarSet),header(Variable),method(starts_with)) = BRIDGE_
eventfilter(action(include),name(VarSet),header(Variable),method(starts_with)) = RTPAUDIOQOS
eventfilter(action(include),name(VarSet),header(Variable),method(exact)) = MIXMONITOR_FILENAME
eventfilter(action(include),name(UserEvent),header(UserEvent),method(starts_with)) = Bridge
[lab]
secret={secret}
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.255
writetimeout=5000
read=all
write=all
"""


def extensions_conf(plan: Dialplan) -> str:
    values = "".join(f"{name}={value}\n" for name, value in plan.globals.items())
    include = f'#include "{plan.file}"\n' if plan.file else ""
    ways_in = """[from-trunk]
exten => _[+0-9]!,1,Goto(bridge-inbound,${FILTER(+0-9,${EXTEN})},1)
exten => i,1,Goto(bridge-inbound,${FILTER(+0-9,${INVALID_EXTEN})},1)
"""
    return f"[general]\nstatic=yes\nwriteprotect=yes\n[globals]\n{values}{include}{ways_in if plan.file else ''}{plan.text}"


def small_files(layout: Layout, ports: Ports) -> dict[str, str]:
    """The files that are the same in every lab."""
    return {
        "rtp.conf": f"[general]\nrtpstart={ports.rtp_first}\nrtpend={ports.rtp_last}\nicesupport=no\nstrictrtp=no\n",
        "logger.conf": f"[general]\ndateformat=%F %T.%3q\n[logfiles]\n{layout.log}/full => notice,warning,error,verbose(3),security\n",
        "voicemail.conf": "[general]\nformat=wav\nmaxsecs=30\nattach=no\n[default]\n100 => 1234,Office\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={layout.data}/sounds/custom\n",
        "cdr.conf": "[general]\nenable=no\n",
        "cel.conf": "[general]\nenable=no\n",
        "http.conf": "[general]\nenabled=no\n",
        "indications.conf": (
            "[general]\ncountry=us\n[us]\ndescription=US\nringcadence=2000,4000\ndial=350+440\nbusy=480+620/500,0/500\n"
            "ring=440+480/2000,0/4000\ncongestion=480+620/250,0/250\ncallwaiting=440/300,0/10000\n"
        ),
        "features.conf": "[general]\n",
        "udptl.conf": "[general]\n",
        "ccss.conf": "[general]\n",
        "acl.conf": "",
        "sorcery.conf": "",
        "stasis.conf": "",
        "pjproject.conf": "",
        "geolocation.conf": "",
    }
