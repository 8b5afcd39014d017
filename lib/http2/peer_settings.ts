/**
 * What the peer has said in SETTINGS (RFC 9113 §6.5.2, RFC 8441 §3).
 * @module
 */
import { ConnectionError, errorCodes } from "./errors.ts";
import {
  defaultWindowBytes,
  maxMaxFrameBytes,
  maxUint31,
  minMaxFrameBytes,
  readUint16,
  readUint32,
  settings,
} from "./frame.ts";

/** Values as they stand after what has come so far; at first those of the RFC. */
export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = Infinity;
  initialWindowSize: number = defaultWindowBytes;
  maxFrameSize: number = minMaxFrameBytes;
  maxHeaderListSize = Infinity;
  /** RFC 8441: a server takes CONNECT with `:protocol`. */
  enableConnectProtocol = false;

  /** @param ofServer the peer is a server, which may not allow pushes to itself */
  constructor(readonly ofServer: boolean) {}

  /**
   * Takes one SETTINGS payload over, in its order; unknown settings are nothing (RFC 9113 §6.5.2).
   * @throws ConnectionError for a value out of its range
   */
  apply(payload: Uint8Array): void {
    for (let at = 0; at < payload.length; at += 6) {
      this.#set(readUint16(payload, at), readUint32(payload, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case settings.headerTableSize:
        this.headerTableSize = value;
        return;
      case settings.enablePush:
        if (value > (this.ofServer ? 0 : 1)) throw outOfRange("ENABLE_PUSH", value);
        return;
      case settings.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return;
      case settings.initialWindowSize:
        if (value > maxUint31) throw outOfRange("INITIAL_WINDOW_SIZE", value, errorCodes.flowControlError);
        this.initialWindowSize = value;
        return;
      case settings.maxFrameSize:
        if (value < minMaxFrameBytes || value > maxMaxFrameBytes) throw outOfRange("MAX_FRAME_SIZE", value);
        this.maxFrameSize = value;
        return;
      case settings.maxHeaderListSize:
        this.maxHeaderListSize = value;
        return;
      case settings.enableConnectProtocol:
        // RFC 8441 §3: 0 or 1, and never back to 0.
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) {
          throw outOfRange("ENABLE_CONNECT_PROTOCOL", value);
        }
        this.enableConnectProtocol = value === 1;
    }
  }
}

function outOfRange(name: string, value: number, code: number = errorCodes.protocolError): ConnectionError {
  return new ConnectionError(code, `SETTINGS_${name} must not be ${value}`);
}
