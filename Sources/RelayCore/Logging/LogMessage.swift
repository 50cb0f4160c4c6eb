/// Log messages that an administrator searches for: each has an id of the journal's, systemd.journal-fields(7) `MESSAGE_ID=`,
/// and an entry in the message catalogue (`systemd/hookline.catalog`), which `journalctl -x` shows.
package enum LogMessage: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Both sockets accept.
    case ready = "753cc8b144d9328d1c540eef04232806"
    /// All is saved, and the process ends.
    case stopped = "1713f5da32af3dd5e4fd14618a4d588e"
    /// Something stands in the way of a start.
    case startRefused = "6ce57eee08d2dd023b23113855994069"
    /// The configuration was read again and counts.
    case reloaded = "668ee02b6a2eebed520d7df120dfe950"
    /// The configuration was read again and is wrong: the old settings stay.
    case notReloaded = "18f4127d2842d22f772b140140fda2a3"
    /// A webhook's receiver has failed for so long, or so often, that people should know.
    case webhookFailing = "510d56052573cb2b0cf2fa5261feb95e"
    /// A webhook's receiver takes deliveries again.
    case webhookRecovered = "485af4502689c18a10e730738bb6556a"
    /// A webhook was ended by the relay: nothing more goes to it.
    case webhookDisabled = "318ac93d6327a1058085e4b44ede8e78"
    /// An attempt has failed; it is tried again.
    case attemptFailed = "7ea0985aa1e7ca87abe678729be952cf"
    /// Deliveries have ended without success.
    case deliveriesGivenUp = "70ffa8b53340d3f7442b7697fd281645"
    /// Bytes of the journal are damaged.
    case journalDamaged = "6c5464017dc83d9a79ee014840f9803e"
    /// Files of the journal are missing.
    case journalIncomplete = "2cdbf6642e798ab7fb4d5d9dfb717d11"
    /// There is no space for the journal.
    case diskFull = "8e42c2e6e0cf25c0cfd3e33e773e2f36"
    /// The journal can't be written, for another reason than lack of space.
    case storageFailing = "202c43f4000116bbcbc36de844b87dfa"
    /// The journal can be written again.
    case storageWorks = "011efdd7967b2bc453d7b177c1e4f93a"
    /// The journal has reached its bound with deliveries that are not settled.
    case backlogFull = "2da745efd484d35450c2072afacbdfaf"
    /// The journal has room again.
    case backlogHasRoom = "57addf9fa771cf7897e07f98ae8602ad"
    /// A loop makes no progress: the watchdog is not fed.
    case loopStalled = "2a2d60235d486c3fbca972f5cfcb1175"
    /// A loop that stood still goes on.
    case loopGoesOn = "2ccf840e5e19b2c71099edb857740897"
    /// All deliveries of the host are held back.
    case hostPaused = "87291c0c40c4a85c41b71dac1793f9ef"
    /// Deliveries of the host go on.
    case hostResumed = "ccbb462fc0997f7c78ff0ddd43181ab1"
    /// An administrator, or a tenant, has changed something: webhooks, events.
    case administration = "cedf831e791364060c7ace5c23557097"
    /// More lines of a kind than are logged.
    case linesLeftOut = "a36821fc30c9e5fd742276a1f1b4b027"

    /// The metadata key that an id stands under.
    package static let key = "MESSAGE_ID"

    /// 32 hexadecimal digits.
    package var description: String { rawValue }
}
