import CSyncMgr
import CSyncMgrShim

/// What the floors below need to know of channels and of their mailboxes.
extension Channel {
  static let kind = Kind(
    holdsGrants: true,
    repair: { attachment, object in attachment.rebuildLine(object) },
    abandon: { attachment, object, holding, died in
      // The rest, which takes other guards, follows when this one is free: see `left`.
      holding.index.store(0)
    },
    withdrawn: { attachment, object, _ in attachment.passOnTurn(object) },
    refused: { attachment, object, _ in attachment.passOnTurn(object) },
    givesTurns: true,
    parameters: { attachment, object, json in
      Channel.showParameters(attachment, object, &json)
    },
    state: { attachment, object, json in Channel.showState(attachment, object, &json) },
    removed: { attachment, object in attachment.removeChannel(object) },
    settle: { attachment, object, dead in attachment.settleChannel(object, dead) },
    left: { attachment, object, holding in
      let hold = attachment.segment.index(of: holding) + 1
      attachment.leaveChannel(attachment.segment.index(of: object), hold)
      attachment.returnLoans(of: hold, attachment.segment.index(of: object))
    },
    check: { attachment, object in attachment.checkMailbox(object) })

  static let mailboxKind = Kind(
    holdsGrants: true,
    repair: { attachment, object in attachment.rebuildLine(object) },
    abandon: { _, _, _, _ in },
    withdrawn: { attachment, object, _ in attachment.passOnTurn(object) },
    refused: { attachment, object, _ in attachment.passOnTurn(object) },
    givesTurns: true,
    absent: { attachment, object in Channel.absent(attachment, object) },
    removed: { attachment, object in attachment.removeMailbox(object) },
    settle: { attachment, object, dead in attachment.settleMailbox(object, dead) },
    check: { attachment, object in attachment.checkMailbox(object) })
}
