/** What a device was asked to do, counted where every program passes: at the device itself. */

export interface DeviceCounters {
  readonly dispatches: number;
  readonly submissions: number;
  readonly bytesUploaded: number;
  readonly bytesReadBack: number;
  readonly buffersCreated: number;
  readonly bytesCreated: number;
}

type Counts = { -readonly [Name in keyof DeviceCounters]: number };

const none: DeviceCounters = {
  dispatches: 0,
  submissions: 0,
  bytesUploaded: 0,
  bytesReadBack: 0,
  buffersCreated: 0,
  bytesCreated: 0,
};

let counts: Readonly<Counts> = none;

/** What happened on the last device since it was made; all 0 before there is one. Take differences. */
export function deviceCounters(): DeviceCounters {
  return { ...counts };
}

/** From now on, counts what happens on a device. Methods are wrapped on the objects themselves, prototypes stay as they are. */
export function countDevice(device: GPUDevice): void {
  const own: Counts = { ...none };
  counts = own;
  countBuffers(device, own);
  countQueue(device, own);
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => countedEncoder(createCommandEncoder(descriptor), own);
}

function countBuffers(device: GPUDevice, own: Counts): void {
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    own.buffersCreated++;
    own.bytesCreated += descriptor.size;
    // Mapped memory is written on the host.
    if (descriptor.mappedAtCreation) own.bytesUploaded += descriptor.size;
    if (descriptor.usage & GPUBufferUsage.MAP_READ) countReads(buffer, own);
    return buffer;
  };
}

function countReads(buffer: GPUBuffer, own: Counts): void {
  const mapAsync = buffer.mapAsync.bind(buffer);
  buffer.mapAsync = (mode, offset = 0, size = buffer.size - offset) => {
    own.bytesReadBack += size;
    return mapAsync(mode, offset, size);
  };
}

function countQueue(device: GPUDevice, own: Counts): void {
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (commandBuffers) => {
    own.submissions++;
    return submit(commandBuffers);
  };
  const writeBuffer = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (
    buffer,
    bufferOffset,
    data: ArrayBufferLike | ArrayBufferView,
    dataOffset = 0,
    size?: number,
  ) => {
    // Offset and size count elements of a typed array, bytes of anything else.
    const bytesPerElement = "BYTES_PER_ELEMENT" in data ? (data.BYTES_PER_ELEMENT as number) : 1;
    own.bytesUploaded += size === undefined ? data.byteLength - dataOffset * bytesPerElement : size * bytesPerElement;
    return writeBuffer(buffer, bufferOffset, data as BufferSource, dataOffset, size) as undefined;
  };
}

function countedEncoder(encoder: GPUCommandEncoder, own: Counts): GPUCommandEncoder {
  const beginComputePass = encoder.beginComputePass.bind(encoder);
  encoder.beginComputePass = (descriptor) => {
    const pass = beginComputePass(descriptor);
    const dispatchWorkgroups = pass.dispatchWorkgroups.bind(pass);
    pass.dispatchWorkgroups = (x, y, z) => {
      own.dispatches++;
      return dispatchWorkgroups(x, y, z);
    };
    return pass;
  };
  return encoder;
}
