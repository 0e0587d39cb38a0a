// SPDX-License-Identifier: GPL-2.0-or-later
// ITU-T H.245 annex A, module MULTIMEDIA-SYSTEM-CONTROL: what opens logical channels, and what
// stands in front of the channels' addresses. Names are the module's.
#include "core/expect/h323_types.hpp"
#include "core/expect/per_types.hpp"

namespace l7 {

namespace {

constexpr auto mark(H323Mark one) {
    return static_cast<std::uint8_t>(one);
}
constexpr auto role(H323Role one) {
    return static_cast<std::uint8_t>(one);
}

constexpr PerType kIpv4 = per_octets(4, 4, role(H323Role::Ipv4));
constexpr PerType kIpv6 = per_octets(16, 16, role(H323Role::Ipv6));
constexpr PerType kPort = per_integer(0, 65535, role(H323Role::Port));

constexpr PerField kOther{&kNotUnderstood};

constexpr PerType kByte = per_integer(0, 255);
constexpr PerType kWord = per_integer(0, 65535);
constexpr PerType kFrames = per_integer(1, 256);
constexpr PerType kMpi4 = per_integer(1, 4);
constexpr PerType kMpi32 = per_integer(1, 32);
constexpr PerType kLong = per_integer(0, 0xffffffff);
constexpr PerType kVideoBitRate = per_integer(0, 1073741823);
constexpr PerType kVbvBufferSize = per_integer(0, 262143);
constexpr PerType kSamples = per_integer(0, 16383);
constexpr PerType kRate = per_integer(0, 15);
constexpr PerType kLogicalChannelNumber = per_integer(1, 65535);

constexpr PerField kH221Fields[] = {{&kByte}, {&kByte}, {&kWord}};
constexpr PerType kH221NonStandard = per_sequence(kClosed, kH221Fields);
constexpr PerField kIdentifiers[] = {{&kObjectIdentifier}, {&kH221NonStandard}};
constexpr PerType kNonStandardIdentifier = per_choice(kClosed, kIdentifiers);
constexpr PerField kNonStandardFields[] = {{&kNonStandardIdentifier}, {&kOctets}};
constexpr PerType kNonStandardParameter = per_sequence(kClosed, kNonStandardFields);
constexpr PerField kNonStandardElement{&kNonStandardParameter};
constexpr PerType kNonStandardParameters = per_sequence_of(kNonStandardElement);

constexpr PerType kH261Rate = per_integer(1, 19200);
constexpr PerField kH261Fields[] = {
    {&kMpi4, true}, {&kMpi4, true}, {&kBoolean}, {&kH261Rate}, {&kBoolean}};
constexpr PerType kH261 = per_sequence(kOpen, kH261Fields);
constexpr PerField kH262Fields[] = {{&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kBoolean},
                                    {&kVideoBitRate, true},
                                    {&kVbvBufferSize, true},
                                    {&kSamples, true},
                                    {&kSamples, true},
                                    {&kRate, true},
                                    {&kLong, true}};
constexpr PerType kH262 = per_sequence(kOpen, kH262Fields);
constexpr PerType kH263Rate = per_integer(1, 192400);
constexpr PerType kHrdB = per_integer(0, 524287);
constexpr PerField kH263Fields[] = {
    {&kMpi32, true}, {&kMpi32, true}, {&kMpi32, true}, {&kMpi32, true}, {&kMpi32, true},
    {&kH263Rate},    {&kBoolean},     {&kBoolean},     {&kBoolean},     {&kBoolean},
    {&kBoolean},     {&kHrdB, true},  {&kWord, true}};
constexpr PerType kH263 = per_sequence(kOpen, kH263Fields);
constexpr PerField kIs11172VideoFields[] = {
    {&kBoolean},       {&kVideoBitRate, true}, {&kVbvBufferSize, true}, {&kSamples, true},
    {&kSamples, true}, {&kRate, true},         {&kLong, true}};
constexpr PerType kIs11172Video = per_sequence(kOpen, kIs11172VideoFields);
constexpr PerField kVideos[] = {
    {&kNonStandardParameter}, {&kH261}, {&kH262}, {&kH263}, {&kIs11172Video}};
constexpr PerType kVideoCapability = per_choice(kOpen, kVideos);

constexpr PerField kG7231Fields[] = {{&kFrames}, {&kBoolean}};
constexpr PerType kG7231 = per_sequence(kClosed, kG7231Fields);
constexpr PerType kIs11172Rate = per_integer(1, 448);
constexpr PerField kIs11172AudioFields[] = {{&kBoolean}, {&kBoolean}, {&kBoolean},
                                            {&kBoolean}, {&kBoolean}, {&kBoolean},
                                            {&kBoolean}, {&kBoolean}, {&kIs11172Rate}};
constexpr PerType kIs11172Audio = per_sequence(kOpen, kIs11172AudioFields);
constexpr PerType kIs13818Rate = per_integer(1, 1130);
constexpr PerField kIs13818AudioFields[] = {
    {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean},
    {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean},
    {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kIs13818Rate}};
constexpr PerType kIs13818Audio = per_sequence(kOpen, kIs13818AudioFields);
constexpr PerField kAudios[] = {{&kNonStandardParameter},
                                {&kFrames}, // g711Alaw64k
                                {&kFrames},
                                {&kFrames},
                                {&kFrames},
                                {&kFrames}, // g722-64k
                                {&kFrames},
                                {&kFrames},
                                {&kG7231},
                                {&kFrames}, // g728
                                {&kFrames}, // g729
                                {&kFrames},
                                {&kIs11172Audio},
                                {&kIs13818Audio}};
constexpr PerType kAudioCapability = per_choice(kOpen, kAudios);

constexpr PerField kDataProtocols[] = {
    {&kNonStandardParameter}, {&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull}};
constexpr PerType kDataProtocol = per_choice(kOpen, kDataProtocols);
constexpr PerField kNlpidFields[] = {{&kDataProtocol}, {&kOctets}};
constexpr PerType kNlpid = per_sequence(kClosed, kNlpidFields);
constexpr PerField kApplications[] = {{&kNonStandardParameter},
                                      {&kDataProtocol}, // t120
                                      {&kDataProtocol}, // dsm-cc
                                      {&kDataProtocol}, // userData
                                      kOther,           // t84
                                      {&kDataProtocol}, // t434
                                      {&kDataProtocol}, // h224
                                      {&kNlpid},
                                      {&kNull},          // dsvdControl
                                      {&kDataProtocol}}; // h222DataPartitioning
constexpr PerType kApplication = per_choice(kOpen, kApplications);
constexpr PerField kDataFields[] = {{&kApplication}, {&kLong}};
constexpr PerType kDataApplicationCapability = per_sequence(kOpen, kDataFields);
constexpr PerField kEncryptions[] = {{&kNonStandardParameter}, {&kNull}};
constexpr PerType kEncryptionMode = per_choice(kOpen, kEncryptions);
constexpr PerField kDataTypes[] = {{&kNonStandardParameter},      {&kNull},
                                   {&kVideoCapability},           {&kAudioCapability},
                                   {&kDataApplicationCapability}, {&kEncryptionMode}};
constexpr PerType kDataType = per_choice(kOpen, kDataTypes, role(H323Role::DataType));

constexpr PerField kIpFields[] = {{&kIpv4}, {&kPort}};
constexpr PerType kIpAddress = per_sequence(kOpen, kIpFields);
constexpr PerType kSix = per_octets(6, 6);
constexpr PerType kFour = per_octets(4, 4);
constexpr PerField kIpxFields[] = {{&kSix}, {&kFour}, {&kWord}}; // two octets, aligned or not here
constexpr PerType kIpxAddress = per_sequence(kOpen, kIpxFields);
constexpr PerField kIp6Fields[] = {{&kIpv6}, {&kPort}};
constexpr PerType kIp6Address = per_sequence(kOpen, kIp6Fields);
constexpr PerType kNetBios = per_octets(16, 16);
constexpr PerField kRoutings[] = {{&kNull}, {&kNull}};
constexpr PerType kRouting = per_choice(kClosed, kRoutings);
constexpr PerField kRouteElement{&kFour};
constexpr PerType kRoute = per_sequence_of(kRouteElement);
constexpr PerField kSourceRouteFields[] = {{&kRouting}, {&kIpv4}, {&kPort}, {&kRoute}};
constexpr PerType kIpSourceRoute = per_sequence(kOpen, kSourceRouteFields);
constexpr PerField kUnicasts[] = {
    {&kIpAddress}, {&kIpxAddress}, {&kIp6Address}, {&kNetBios}, {&kIpSourceRoute}};
constexpr PerType kUnicastAddress = per_choice(kOpen, kUnicasts);
constexpr PerField kMulticasts[] = {{&kIpAddress}, {&kIp6Address}};
constexpr PerType kMulticastAddress = per_choice(kOpen, kMulticasts);
constexpr PerField kAddressKinds[] = {{&kUnicastAddress}, {&kMulticastAddress}};
constexpr PerType kTransportAddress = per_choice(kOpen, kAddressKinds);

constexpr PerType kAssociated = per_integer(1, 255);
// Up to mediaControlChannel: it stands in an encoding of its own.
constexpr PerField kH2250Fields[] = {
    {&kNonStandardParameters, true},
    {&kByte},
    {&kAssociated, true},
    {&kTransportAddress, true, mark(H323Mark::MediaChannel)},
    {&kBoolean, true},
    {&kTransportAddress, true, mark(H323Mark::MediaControlChannel)},
    {&kBoolean, true},
    {&kBoolean, true},
    {&kNotUnderstood, true},  // destination
    {&kNotUnderstood, true},  // dynamicRTPPayloadType
    {&kNotUnderstood, true}}; // mediaPacketization
constexpr PerType kH2250 = per_sequence(kOpen, kH2250Fields);
constexpr PerType kPayloadType = per_integer(96, 127);
constexpr PerField kH2250AckFields[] = {
    {&kNonStandardParameters, true},
    {&kAssociated, true},
    {&kTransportAddress, true, mark(H323Mark::MediaChannel)},
    {&kTransportAddress, true, mark(H323Mark::MediaControlChannel)},
    {&kPayloadType, true}};
constexpr PerType kH2250Ack = per_sequence(kOpen, kH2250AckFields);

constexpr PerField kOneOther[] = {kOther};
constexpr PerField kTwoOthers[] = {kOther, kOther};
constexpr PerField kThreeOthers[] = {kOther, kOther, kOther};
constexpr PerField kH2250First[] = {{&kH2250}};
constexpr PerType kForwardMultiplex = per_choice(kThreeOthers, kH2250First);
constexpr PerType kReverseMultiplex = per_choice(kTwoOthers, kH2250First);
constexpr PerType kAckMultiplex = per_choice(kOneOther, kH2250First);

constexpr PerField kTwoNulls[] = {{&kNull}, {&kNull}};
constexpr PerType kDistribution = per_choice(kOpen, kTwoNulls);
constexpr PerField kNetworkAddresses[] = {
    kOther, kOther, {&kTransportAddress, false, mark(H323Mark::SeparateStack)}};
constexpr PerType kNetworkAddress = per_choice(kOpen, kNetworkAddresses);
constexpr PerType kReference = per_octets(1, 255);
constexpr PerField kNetworkAccessFields[] = {
    {&kDistribution, true}, {&kNetworkAddress}, {&kBoolean}, {&kReference, true}};
constexpr PerType kNetworkAccess = per_sequence(kOpen, kNetworkAccessFields);

constexpr PerField kForwardFields[] = {{&kWord, true}, {&kDataType}, {&kForwardMultiplex}};
constexpr PerType kForward = per_sequence(kOpen, kForwardFields);
constexpr PerField kReverseFields[] = {{&kDataType}, {&kReverseMultiplex, true}};
constexpr PerType kReverse = per_sequence(kOpen, kReverseFields);
constexpr PerField kOpenFields[] = {{&kLogicalChannelNumber}, {&kForward}, {&kReverse, true}};
constexpr PerField kOpenMore[] = {{&kNetworkAccess}};

constexpr PerField kAckReverseFields[] = {
    {&kLogicalChannelNumber}, {&kWord, true}, {&kAckMultiplex, true}};
constexpr PerType kAckReverse = per_sequence(kOpen, kAckReverseFields);
constexpr PerField kAckFields[] = {{&kLogicalChannelNumber}, {&kAckReverse, true}};
constexpr PerField kAckForwards[] = {{&kH2250Ack}};
constexpr PerType kAckForward = per_choice(kOpen, kAckForwards);
constexpr PerField kAckMore[] = {{&kNetworkAccess}, {&kAckForward}};
constexpr PerType kOpenLogicalChannelAck = per_sequence(kAckFields, kAckMore);

constexpr PerType kStatusNumber = per_integer(0, 16777215);
constexpr PerField kMasterSlaveFields[] = {{&kByte}, {&kStatusNumber}};
constexpr PerType kMasterSlaveDetermination = per_sequence(kOpen, kMasterSlaveFields);
constexpr PerType kDecision = per_choice(kClosed, kTwoNulls);
constexpr PerField kMasterSlaveAckFields[] = {{&kDecision}};
constexpr PerType kMasterSlaveAck = per_sequence(kOpen, kMasterSlaveAckFields);
constexpr PerField kSequenceNumberOnly[] = {{&kByte}};
constexpr PerType kCapabilitySetAck = per_sequence(kOpen, kSequenceNumberOnly);

} // namespace

const PerType kOpenLogicalChannel = per_sequence(kOpenFields, kOpenMore);

namespace {

constexpr PerField kRequests[] = {kOther, {&kMasterSlaveDetermination},
                                  kOther, {&kOpenLogicalChannel},
                                  kOther, kOther,
                                  kOther, kOther,
                                  kOther, kOther,
                                  kOther};
constexpr PerType kRequest = per_choice(kOpen, kRequests);
constexpr PerField kResponses[] = {kOther, {&kMasterSlaveAck},
                                   kOther, {&kCapabilitySetAck},
                                   kOther, {&kOpenLogicalChannelAck},
                                   kOther, kOther,
                                   kOther, kOther,
                                   kOther, kOther,
                                   kOther, kOther,
                                   kOther, kOther,
                                   kOther, kOther,
                                   kOther};
constexpr PerType kResponse = per_choice(kOpen, kResponses);
constexpr PerField kMessages[] = {{&kRequest}, {&kResponse}, kOther, kOther};

} // namespace

const PerType kMultimediaSystemControlMessage = per_choice(kOpen, kMessages);

} // namespace l7
