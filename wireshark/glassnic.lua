--[[ What Wireshark leaves out of RoCEv2, or gets wrong (docs/wireshark.md).

A post-dissector: it runs after Wireshark has taken a frame apart, finds the UDP
datagrams to port 4791 in it (inside VXLAN, too), and reads them itself from the
BTH on, so that it depends on nothing of Wireshark's own InfiniBand dissector.

What depends on earlier packets (retransmissions, messages, which request an
answer is to) is found out when a frame is seen for the first time, in order, and
kept by the frame's number.

Licence: BSD 2-Clause, as all of glassnic.
]]

-- Lua 5.2 has bit32, Wireshark has bit, and Lua 5.3 has operators, which older ones
-- cannot even read.
local function operators()
	return load([[return {
		band = function(a, b) return a & b end,
		bxor = function(a, b) return a ~ b end,
		rshift = function(a, n) return a >> n end,
	}]])()
end

local bit = rawget(_G, "bit32") or rawget(_G, "bit") or operators()
local band, bxor, rshift = bit.band, bit.bxor, bit.rshift

local ROCE_PORT = 4791
local UDP_LEN, BTH_LEN, ICRC_LEN = 8, 12, 4
local PSNS = 0x1000000
local FAR = 65536 -- PSNs: farther from the sequence than any window
local COPY_SEC = 20e-6 -- what is the same so soon was doubled by the network
local READ_MAX = 65536 -- PSNs of a READ that are remembered

local is_first, p = pcall(Proto, "glassnic", "RoCEv2, what is not shown above")

if not is_first then
	return -- it is installed, and was named on the command line as well
end
set_plugin_info({
	version = "1.0",
	description = "ICRC, CNP, FECN/BECN, ATOMIC WRITE, FLUSH, XRC, " ..
		"retransmissions and messages of RoCEv2",
})

p.prefs.icrc = Pref.bool("Check the ICRC", true,
	"Compute each packet's ICRC and compare it")
p.prefs.info = Pref.bool("Show it in the Info column", true,
	"Add what is remarkable to the packet list")

local f = p.fields
local function field(make, name, text, ...)
	f[name] = make("glassnic." .. name, text, ...)
end

field(ProtoField.string, "opcode", "Opcode")
field(ProtoField.string, "icrc", "ICRC")
field(ProtoField.uint32, "icrc_expected", "ICRC should be", base.HEX)
field(ProtoField.bool, "fecn", "FECN (congestion on the way here)")
field(ProtoField.bool, "becn", "BECN (congestion on the way back)")
field(ProtoField.bool, "cnp", "Congestion notification (CNP)")
field(ProtoField.uint32, "srqn", "XRC shared receive queue", base.HEX)
field(ProtoField.string, "flush", "FLUSH")
field(ProtoField.uint64, "va", "Virtual address", base.HEX)
field(ProtoField.uint32, "rkey", "Remote key", base.HEX)
field(ProtoField.uint32, "dma_len", "DMA length", base.DEC)
field(ProtoField.bytes, "atomic_write", "Value of ATOMIC WRITE")
field(ProtoField.string, "aeth", "AETH in words")
field(ProtoField.uint32, "rnr_usec", "RNR timer (microseconds)", base.DEC)
field(ProtoField.uint32, "credits", "Credits (receive requests)", base.DEC)
field(ProtoField.string, "nak", "NAK")
field(ProtoField.uint32, "payload", "Payload bytes", base.DEC)
field(ProtoField.string, "not_malformed", "Not malformed")
field(ProtoField.framenum, "again", "Sent before, in frame", base.NONE,
	frametype.RETRANS_PREV)
field(ProtoField.framenum, "copy", "Copy of frame", base.NONE,
	frametype.DUP_ACK)
field(ProtoField.uint32, "missing", "PSNs missing before this one", base.DEC)
field(ProtoField.bool, "late", "Was missing until now")
field(ProtoField.uint32, "message", "Message of this QP, from 1", base.DEC)
field(ProtoField.framenum, "message_first", "First packet of the message")
field(ProtoField.uint32, "message_bytes", "Bytes of the message so far",
	base.DEC)
field(ProtoField.framenum, "answers", "Answers the request in frame",
	base.NONE, frametype.REQUEST)
field(ProtoField.double, "answer_time", "Seconds since it was sent")

local bad_icrc = ProtoExpert.new("glassnic.icrc.bad", "Wrong ICRC",
	expert.group.CHECKSUM, expert.severity.ERROR)
local sent_again = ProtoExpert.new("glassnic.again.expert", "Retransmission",
	expert.group.SEQUENCE, expert.severity.NOTE)
local refused = ProtoExpert.new("glassnic.nak.expert", "NAK",
	expert.group.RESPONSE_CODE, expert.severity.WARN)
p.experts = {bad_icrc, sent_again, refused}

-- Where headers begin follows from where these fields are.
local udp_dport = Field.new("udp.dstport") -- 2 bytes into UDP
local ip_src = Field.new("ip.src") -- 12 bytes into IPv4
local ipv6_src = Field.new("ipv6.src") -- 8 bytes into IPv6
local vxlan_vni = Field.new("vxlan.vni")
local malformed = Field.new("_ws.malformed")

---- opcodes (IBTA vol. 1, 9.2.1 table 38, Annexes A14, A17, A19) ----

-- Operation: name, headers behind the BTH, and what it is: First, Middle, Last,
-- Only; a request unless "answer".
local SEND, WRITE, READ = "send", "write", "read"
local operations = {
	[0x00] = {"SEND First", "", "F", SEND},
	[0x01] = {"SEND Middle", "", "M", SEND},
	[0x02] = {"SEND Last", "", "L", SEND},
	[0x03] = {"SEND Last with Immediate", "imm", "L", SEND},
	[0x04] = {"SEND Only", "", "O", SEND},
	[0x05] = {"SEND Only with Immediate", "imm", "O", SEND},
	[0x06] = {"WRITE First", "reth", "F", WRITE},
	[0x07] = {"WRITE Middle", "", "M", WRITE},
	[0x08] = {"WRITE Last", "", "L", WRITE},
	[0x09] = {"WRITE Last with Immediate", "imm", "L", WRITE},
	[0x0a] = {"WRITE Only", "reth", "O", WRITE},
	[0x0b] = {"WRITE Only with Immediate", "reth imm", "O", WRITE},
	[0x0c] = {"READ Request", "reth", "O", READ},
	[0x0d] = {"READ Response First", "aeth", "F", READ, answer = true},
	[0x0e] = {"READ Response Middle", "", "M", READ, answer = true},
	[0x0f] = {"READ Response Last", "aeth", "L", READ, answer = true},
	[0x10] = {"READ Response Only", "aeth", "O", READ, answer = true},
	[0x11] = {"Acknowledge", "aeth", "O", "ack", answer = true},
	[0x12] = {"ATOMIC Acknowledge", "aeth atomicack", "O", "atomic",
		answer = true},
	[0x13] = {"Compare and Swap", "atomic", "O", "atomic"},
	[0x14] = {"Fetch and Add", "atomic", "O", "atomic"},
	[0x16] = {"SEND Last with Invalidate", "ieth", "L", SEND},
	[0x17] = {"SEND Only with Invalidate", "ieth", "O", SEND},
	[0x1c] = {"FLUSH", "feth reth", "O", "flush"},
	[0x1d] = {"ATOMIC WRITE", "reth", "O", "atomic write"},
}
local CNP = {"CNP", "", "O", "cnp"}
local transports = {[0x00] = "RC", [0x20] = "UC", [0x60] = "UD", [0xa0] = "XRC"}
-- Of UC and UD, only these.
local is_of = {
	UC = function(op) return op <= 0x0b end,
	UD = function(op) return op == 0x04 or op == 0x05 end,
	RC = function() return true end,
	XRC = function() return true end,
}
local header_len = {imm = 4, reth = 16, aeth = 4, atomicack = 8, atomic = 28,
	ieth = 4, feth = 4, deth = 8, xrceth = 4}

-- Wireshark 4.0 does not know these.
local function is_new(opcode)
	return opcode == 0x1c or opcode == 0x1d or opcode == 0x81 or
		opcode >= 0xa0 and opcode <= 0xbf
end

-- Operation and transport of @opcode, or nothing.
local function find_opcode(opcode)
	if opcode == 0x81 then
		return CNP, "CNP"
	end
	local transport = transports[band(opcode, 0xe0)]
	local op = band(opcode, 0x1f)

	if transport and is_of[transport](op) then
		return operations[op], transport
	end
end

local function headers_of(op, transport)
	local list = {}

	if transport == "XRC" and not op.answer then
		list[1] = "xrceth"
	elseif transport == "UD" then
		list[1] = "deth"
	end
	for name in op[2]:gmatch("%S+") do
		list[#list + 1] = name
	end
	return list
end

---- AETH (9.7.5.1.2, tables 45 to 47) ----

local rnr_usec = {[0] = 655360, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480,
	640, 960, 1280, 1920, 2560, 3840, 5120, 7680, 10240, 15360, 20480, 30720,
	40960, 61440, 81920, 122880, 163840, 245760, 327680, 491520}
local credits = {[0] = 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
	256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384,
	24576, 32768}
local naks = {[0] = "PSN sequence error", "invalid request",
	"remote access error", "remote operational error", "invalid RD request"}

---- the ICRC (Annex A17.3.3) ----

local crc_table = {}
for i = 0, 255 do
	local c = i

	for _ = 1, 8 do
		if band(c, 1) == 1 then
			c = bxor(rshift(c, 1), 0xedb88320)
		else
			c = rshift(c, 1)
		end
	end
	crc_table[i] = c
end

local function crc_add(crc, bytes)
	local byte = string.byte

	for i = 1, #bytes do
		crc = bxor(crc_table[band(bxor(crc, byte(bytes, i)), 0xff)],
			rshift(crc, 8))
	end
	return crc
end

-- @bytes with those at the given places, from 0, set to ones.
local function ones(bytes, places)
	for _, at in ipairs(places) do
		bytes = bytes:sub(1, at) .. "\255" .. bytes:sub(at + 2)
	end
	return bytes
end

-- ICRC of the datagram @d, as a number whose first byte is the lowest.
local function icrc_of(raw, d)
	local ip = raw(d.ip, d.udp - d.ip)
	local head = raw(d.udp, UDP_LEN + BTH_LEN)

	if d.is_v6 then
		ip = ones(ip, {1, 2, 3, 7})
		ip = string.char(bxor(band(ip:byte(1), 0xf0), 0x0f)) .. ip:sub(2)
	else
		ip = ones(ip, {1, 8, 10, 11})
	end
	head = ones(head, {6, 7, 12})
	-- The register after eight bytes of ones for the LRH.
	local crc = crc_add(crc_add(0xdebb20e3, ip), head)

	crc = crc_add(crc, raw(d.bth + BTH_LEN, d.stop - ICRC_LEN - d.bth - BTH_LEN))
	return bxor(crc, 0xffffffff) % 0x100000000
end

---- where RoCEv2 is in a frame ----

-- The start of the IP header in front of UDP at @udp, and whether it is IPv6.
local function find_ip(tvb, udp)
	for _, src in ipairs({ip_src()}) do
		local ip = src.offset - 12

		if ip + band(tvb(ip, 1):uint(), 0x0f) * 4 == udp then
			return ip, false
		end
	end
	for _, src in ipairs({ipv6_src()}) do
		if src.offset - 8 + 40 == udp then
			return src.offset - 8, true
		end
	end
end

-- Every datagram to RoCEv2's port that has a BTH.
local function datagrams(tvb)
	local found = {}
	local vni = vxlan_vni()

	for _, dport in ipairs({udp_dport()}) do
		local udp = dport.offset - 2

		if dport.value == ROCE_PORT and
		   udp + UDP_LEN + BTH_LEN + ICRC_LEN <= tvb:len() then
			local ip, is_v6 = find_ip(tvb, udp)
			local stop = udp + tvb(udp + 4, 2):uint()

			if ip and stop >= udp + UDP_LEN + BTH_LEN + ICRC_LEN then
				found[#found + 1] = {
					ip = ip, is_v6 = is_v6, udp = udp,
					bth = udp + UDP_LEN, stop = stop,
					vni = vni and tostring(vni.value) or "",
				}
			end
		end
	end
	return found
end

---- a packet ----

-- What @d says, from the BTH on.
local function read_packet(tvb, d)
	local at = d.bth
	local pkt = {
		d = d,
		opcode = tvb(at, 1):uint(),
		pad = band(rshift(tvb(at + 1, 1):uint(), 4), 3),
		fecn = band(tvb(at + 4, 1):uint(), 0x80) ~= 0,
		becn = band(tvb(at + 4, 1):uint(), 0x40) ~= 0,
		dqpn = tvb(at + 5, 3):uint(),
		ackreq = band(tvb(at + 8, 1):uint(), 0x80) ~= 0,
		psn = tvb(at + 9, 3):uint(),
		sport = tvb(d.udp, 2):uint(),
		id = d.is_v6 and 0 or tvb(d.ip + 4, 2):uint(),
		at = {},
	}

	if d.is_v6 then
		pkt.src = tostring(tvb(d.ip + 8, 16):bytes())
		pkt.dst = tostring(tvb(d.ip + 24, 16):bytes())
	else
		pkt.src = tostring(tvb(d.ip + 12, 4):bytes())
		pkt.dst = tostring(tvb(d.ip + 16, 4):bytes())
	end
	pkt.op, pkt.transport = find_opcode(pkt.opcode)
	if not pkt.op then
		return pkt
	end
	at = at + BTH_LEN
	for _, name in ipairs(headers_of(pkt.op, pkt.transport)) do
		pkt.at[name] = at
		at = at + header_len[name]
	end
	pkt.data = at
	pkt.payload = d.stop - ICRC_LEN - pkt.pad - at
	pkt.is_whole = pkt.payload >= 0 and d.stop <= tvb:len() and
		band(tvb(d.bth + 1, 1):uint(), 0x0f) == 0 -- transport version
	if pkt.at.aeth and pkt.at.aeth + 4 <= tvb:len() then
		local syndrome = tvb(pkt.at.aeth, 1):uint()

		pkt.aeth = ({[0] = "ack", "rnr", "reserved", "nak"})[
			band(rshift(syndrome, 5), 3)]
		pkt.value = band(syndrome, 0x1f)
	end
	if pkt.at.reth and pkt.at.reth + 16 <= tvb:len() then
		pkt.len = tvb(pkt.at.reth + 12, 4):uint()
	end
	return pkt
end

---- what depends on earlier packets ----

local flows -- by who sends what to which QP
local flows_to -- lists of them, by who sends to whom
local pmtu -- the largest First or Middle, by the two hosts
local facts -- by frame and place in it

function p.init()
	flows, flows_to, pmtu, facts = {}, {}, {}, {}
end

local function hosts(pkt, from, to)
	return pkt[from] .. " " .. pkt[to] .. " " .. pkt.d.vni
end

-- Serial arithmetic: @a - @b.
local function psn_diff(a, b)
	local d = (a - b) % PSNS

	return d >= PSNS / 2 and d - PSNS or d
end

local function new_flow(pkt)
	return {sport = pkt.sport, transport = pkt.transport, seen = {},
		messages = 0}
end

local function flow_of(pkt)
	local key = hosts(pkt, "src", "dst") .. " " .. pkt.dqpn .. pkt.transport
	local flow = flows[key]

	if not flow then
		local list = hosts(pkt, "src", "dst")

		flow = new_flow(pkt)
		flows[key] = flow
		flows_to[list] = flows_to[list] or {}
		table.insert(flows_to[list], flow)
	end
	return flow
end

local function learn_pmtu(pkt)
	local pair = pkt.src < pkt.dst and hosts(pkt, "src", "dst") or
		hosts(pkt, "dst", "src")

	if pkt.op[3] == "F" or pkt.op[3] == "M" then
		pmtu[pair] = math.max(pmtu[pair] or 0, pkt.payload)
	end
	return pmtu[pair]
end

-- The PSN behind all that @flow has sent; nil: nobody can tell.
local function next_psn(flow, mtu)
	local last = flow.last

	if not last then
		return nil
	elseif not last.read_len then
		return (last.psn + 1) % PSNS
	elseif mtu then
		return (last.psn + math.max(1, math.ceil(last.read_len / mtu))) % PSNS
	elseif last.read_len <= 256 then
		return (last.psn + 1) % PSNS
	end
end

local function count_message(flow, pkt, frame, fact)
	local place = pkt.op[3]

	if place == "F" or place == "O" then
		flow.messages = flow.messages + 1
		flow.first, flow.bytes = frame, 0
	end
	if not flow.first then
		return -- its beginning was not seen
	end
	flow.bytes = flow.bytes + (pkt.payload > 0 and pkt.payload or 0)
	fact.message, fact.message_first = flow.messages, flow.first
	fact.message_bytes = flow.bytes
end

local function remember(flow, pkt, frame, now, mtu)
	local psns = 1

	if pkt.op[4] == READ and mtu then
		psns = math.min(READ_MAX, math.max(1, math.ceil(pkt.len / mtu)))
	end
	local mark = {frame = frame, time = now, id = pkt.id, icrc = pkt.icrc}

	for i = 0, psns - 1 do
		flow.seen[(pkt.psn + i) % PSNS] = mark
	end
end

-- A request that was seen before, or should have been.
local function note_old(flow, pkt, frame, now, fact)
	local before = flow.seen[pkt.psn]

	if not before then
		fact.late = true
		flow.seen[pkt.psn] = {frame = frame, time = now, id = pkt.id,
			icrc = pkt.icrc}
		return
	end
	if before.icrc == pkt.icrc and before.id == pkt.id and
	   now - before.time < COPY_SEC then
		fact.copy = before.frame
	else
		fact.again = before.frame
		flow.seen[pkt.psn] = {frame = before.frame, last = frame, time = now,
			id = pkt.id, icrc = pkt.icrc, again = true}
	end
end

local function take_request(flow, pkt, frame, now, mtu, fact)
	local want = next_psn(flow, mtu)
	local ahead = want and psn_diff(pkt.psn, want) or 0

	if math.abs(ahead) >= FAR then -- a new connection with the same QPN
		flow.seen, flow.last, flow.first = {}, nil, nil
		ahead = 0
	end
	if ahead < 0 and pkt.transport ~= "UC" then
		note_old(flow, pkt, frame, now, fact)
		return
	end
	if ahead > 0 then
		fact.missing = ahead
	end
	remember(flow, pkt, frame, now, mtu)
	flow.last = {psn = pkt.psn, read_len = pkt.op[4] == READ and pkt.len or nil}
	count_message(flow, pkt, frame, fact)
end

-- The flow whose requests @flow answers: the one that has @psn, or of several
-- the one with the same UDP source port.
local function asked_by(flow, pkt)
	local found, n = nil, 0

	if flow.peer and flow.peer.seen[pkt.psn] then
		return flow.peer
	end
	for _, other in ipairs(flows_to[hosts(pkt, "dst", "src")] or {}) do
		if other.transport == pkt.transport and other.seen[pkt.psn] then
			if other.sport == flow.sport or n == 0 then
				found = other
			end
			n = n + 1
		end
	end
	if n == 1 or found and found.sport == flow.sport then
		flow.peer = found
		return found
	end
end

local function take_answer(flow, pkt, now, fact)
	local asker = asked_by(flow, pkt)
	local mark = asker and asker.seen[pkt.psn]

	if mark then
		fact.answers = mark.last or mark.frame
		fact.answer_time = now - mark.time
	end
end

-- What is known of packet number @i of this frame.
local function facts_of(pkt, pinfo, i)
	local key = pinfo.number .. " " .. i
	local fact = facts[key]

	if fact then
		return fact
	end
	fact = {}
	facts[key] = fact
	if pkt.transport == "CNP" or pkt.transport == "UD" or not pkt.is_whole or
	   pkt.verdict == "bad" then
		return fact
	end
	local now = pinfo.rel_ts
	local flow = flow_of(pkt)
	local mtu = learn_pmtu(pkt)

	flow.sport = pkt.sport
	if pkt.op.answer then
		take_answer(flow, pkt, now, fact)
	else
		take_request(flow, pkt, pinfo.number, now, mtu, fact)
	end
	return fact
end

---- showing it ----

-- Tree and Info column of one packet.
local Page = {}
Page.__index = Page

function Page:add(name, ...)
	return self.tree:add(f[name], ...)
end

function Page:say(words)
	self.words[#self.words + 1] = words
end

local function show_icrc(page, tvb, pkt)
	local d = pkt.d

	if d.stop > tvb:len() then
		page:add("icrc", "not all of the packet was captured"):set_generated()
		return
	end
	local range = tvb(d.stop - ICRC_LEN, ICRC_LEN)

	pkt.icrc = range:le_uint()
	if not p.prefs.icrc or not d.is_v6 and d.udp - d.ip ~= 20 then
		return
	end
	local function raw(at, len)
		return len > 0 and tvb:raw(at, len) or ""
	end
	local want = icrc_of(raw, d)

	pkt.verdict = want == pkt.icrc and "good" or "bad"
	local item = page:add("icrc", range, pkt.verdict)

	if pkt.verdict == "bad" then
		-- In the order of the bytes on the wire, as Wireshark shows it.
		local b = {}

		for i = 0, 3 do
			b[i] = math.floor(want / 256 ^ i) % 256
		end
		page:add("icrc_expected", range,
			((b[0] * 256 + b[1]) * 256 + b[2]) * 256 + b[3])
		item:add_proto_expert_info(bad_icrc)
		page:say("ICRC BAD")
	end
end

local function show_aeth(page, tvb, pkt)
	local range = tvb(pkt.at.aeth, 1)

	if pkt.aeth == "rnr" then
		local ms = rnr_usec[pkt.value] / 1000
		local words = string.format("receiver not ready, wait %.2f ms", ms)

		page:add("aeth", range, words):add_proto_expert_info(refused, words)
		page:add("rnr_usec", range, rnr_usec[pkt.value])
		page:say(string.format("RNR, wait %.2f ms", ms))
	elseif pkt.aeth == "nak" then
		local words = naks[pkt.value] or "reserved"

		page:add("aeth", range, "NAK: " .. words)
		page:add("nak", range, words):add_proto_expert_info(refused, words)
		if is_new(pkt.opcode) then -- else it is in the Info column
			page:say("NAK: " .. words)
		end
	elseif pkt.aeth == "ack" and credits[pkt.value] then
		page:add("aeth", range, "ACK with credits")
		page:add("credits", range, credits[pkt.value])
		page:say(credits[pkt.value] .. " credits")
	elseif pkt.aeth == "ack" then
		page:add("aeth", range, "ACK, credits are not limited")
	else
		page:add("aeth", range, "reserved")
	end
end

local function show_reth(page, tvb, pkt)
	local at = pkt.at.reth

	page:add("va", tvb(at, 8))
	page:add("rkey", tvb(at + 8, 4))
	page:add("dma_len", tvb(at + 12, 4))
end

local function show_feth(page, tvb, pkt)
	local v = tvb(pkt.at.feth, 4):uint()
	local kinds = {}

	if band(v, 1) ~= 0 then
		kinds[#kinds + 1] = "global visibility"
	end
	if band(v, 2) ~= 0 then
		kinds[#kinds + 1] = "persistence"
	end
	page:add("flush", tvb(pkt.at.feth, 4),
		table.concat(kinds, " and ") .. " of " ..
		(band(rshift(v, 4), 3) == 0 and "a range" or "the whole region"))
end

-- Headers that Wireshark 4.0 shows as bytes.
local function show_new(page, tvb, pkt)
	if pkt.at.xrceth then
		page:add("srqn", tvb(pkt.at.xrceth + 1, 3))
	end
	if pkt.at.feth then
		show_feth(page, tvb, pkt)
	end
	if pkt.at.reth then
		show_reth(page, tvb, pkt)
	end
	if pkt.op[4] == "atomic write" and pkt.payload == 8 then
		page:add("atomic_write", tvb(pkt.data, 8))
	end
end

-- RPC over RDMA claims every short SEND, and then calls it malformed.
local function show_malformed(page, pkt)
	local item = malformed()

	if item and pkt.is_whole and pkt.op[4] == SEND then
		page.is_no_rpc = true
		page:add("not_malformed", "a SEND of " .. pkt.payload ..
			" bytes that is no RPC over RDMA"):set_generated()
	end
end

local function show_facts(page, fact)
	for _, name in ipairs({"missing", "late", "message", "message_first",
			"message_bytes", "answers", "answer_time", "copy"}) do
		if fact[name] ~= nil then
			page:add(name, fact[name]):set_generated()
		end
	end
	if fact.again then
		local item = page:add("again", fact.again)

		item:set_generated()
		item:add_proto_expert_info(sent_again,
			"Retransmission of frame " .. fact.again)
		page:say("again, as frame " .. fact.again)
	end
	if fact.copy then
		page:say("copy of frame " .. fact.copy)
	end
	if fact.missing then
		page:say(fact.missing .. " PSNs missing before")
	end
end

local function show_info(page, pkt, pinfo)
	local info = pinfo.cols.info
	if is_new(pkt.opcode) then
		info:set(string.format("%s%s QP=0x%06x PSN=%d",
			pkt.transport == "CNP" and "" or pkt.transport .. " ",
			pkt.op[1], pkt.dqpn, pkt.psn))
	elseif page.is_no_rpc then
		info:set(string.format("%s %s QP=0x%06x ", pkt.transport, pkt.op[1],
			pkt.dqpn))
	end
	if p.prefs.info and #page.words > 0 then
		info:append(" [" .. table.concat(page.words, ", ") .. "]")
	end
end

local function show(tvb, pinfo, root, d, i)
	local pkt = read_packet(tvb, d)
	local shown = math.min(d.stop, tvb:len()) - d.bth
	local page = setmetatable({words = {}}, Page)

	page.tree = root:add(p, tvb(d.bth, shown))
	show_icrc(page, tvb, pkt)
	page:add("fecn", tvb(d.bth + 4, 1), pkt.fecn)
	page:add("becn", tvb(d.bth + 4, 1), pkt.becn)
	if not pkt.op then
		return
	end
	page:add("opcode", tvb(d.bth, 1), (pkt.transport == "CNP" and "" or
		pkt.transport .. " ") .. pkt.op[1])
	if pkt.transport == "CNP" then
		page:add("cnp", tvb(d.bth, 1), true)
	end
	if pkt.is_whole then
		if is_new(pkt.opcode) then
			show_new(page, tvb, pkt)
		end
		page:add("payload", pkt.payload):set_generated()
	end
	if pkt.aeth then
		show_aeth(page, tvb, pkt)
	end
	show_malformed(page, pkt)
	show_facts(page, facts_of(pkt, pinfo, i))
	show_info(page, pkt, pinfo)
end

function p.dissector(tvb, pinfo, root)
	for i, d in ipairs(datagrams(tvb)) do
		show(tvb, pinfo, root, d, i)
	end
end

register_postdissector(p)
